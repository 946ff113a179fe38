/** A test that has measured something: it has put `figures` into its task's `meta`. */
export interface MeasuredTest {
  /** What the tests beside it have in common. */
  readonly suite: string;
  readonly title: string;
  /** What was measured, by what it is called, with its unit. */
  readonly figures: Readonly<Record<string, string>>;
}
