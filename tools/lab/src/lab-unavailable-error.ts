/** The lab cannot run here; the message says why and what would help. */
export class LabUnavailableError extends Error {
  /** What to do about it. */
  readonly remedy: string;

  /**
   * @param problem what failed, with the failing program's own words where there are any
   * @param remedy what to do about it
   */
  constructor(problem: string, remedy: string, options?: ErrorOptions) {
    super(`${problem}\n  remedy: ${remedy}`, options);
    this.name = 'LabUnavailableError';
    this.remedy = remedy;
  }
}
