/** How fast attempts to connect slow down. */
export interface BackoffOptions {
  /** Before the first retry, in ms. */
  readonly initialMs: number;
  /** Never longer than this, in ms. */
  readonly maximumMs: number;
}
