import type { TestContext } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    figures?: Readonly<Record<string, string>>;
  }
}

/** Has what a test has measured shown in a table at the end of the run: figures with their units, by what they are called. */
export function reportFigures(
  { task }: Pick<TestContext, 'task'>,
  figures: Readonly<Record<string, string>>,
): void {
  task.meta.figures = figures;
}

/** `12 ms`, or `1.2 s` from a second on. */
export function duration(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
