import { mkdirSync, readFileSync, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';

/** A device of this driver: a JSON file in the toy box, named like the toy. */
export interface Toy {
  readonly name: string;
  readonly wheels: number;
  /** What is wrong with it, when something is. */
  readonly broken?: string;
}

/** Calls `onChange` with all toys of a directory, now and after every change, until the signal is aborted. */
export function watchToys(
  directory: string,
  onChange: (toys: readonly Toy[]) => void,
  signal: AbortSignal,
): void {
  mkdirSync(directory, { recursive: true });
  const look = () => onChange(readdirSync(directory).map((name) => readToy(directory, name)));
  // What an event says is not trusted: events get lost, and what they tell may be over by now.
  watch(directory, { signal }, look);
  look();
}

function readToy(directory: string, name: string): Toy {
  try {
    return { wheels: 0, ...(JSON.parse(readFileSync(join(directory, name), 'utf8')) as object), name };
  } catch (error) {
    return { name, wheels: 0, broken: `it cannot be read: ${String(error)}` };
  }
}
