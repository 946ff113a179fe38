/** A descriptor that is being watched, from {@link ForeignLibraries.poll}. */
export interface FdWatch {
  /** Ends the watch: no callback comes after it returns. Repeatable. The descriptor stays open and the caller's. */
  close(): void;
}
