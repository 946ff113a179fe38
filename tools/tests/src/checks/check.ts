/** Something that must hold for the sources as they stand. */
export interface Check {
  /** One or two words; selects the check on the command line. */
  readonly name: string;
  /** What to do when it fails, an imperative sentence. */
  readonly remedy: string;
  /** Looks. Returns what is wrong, ready to print, or undefined when all is well. A rejection counts as wrong, too. */
  problem(): Promise<string | undefined>;
}
