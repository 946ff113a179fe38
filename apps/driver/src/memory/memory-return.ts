import { readFileSync } from 'node:fs';
import type { ForeignLibraries, ForeignLibrary, ForeignSignature } from '@patchbay/ffi';

/** `M_ARENA_MAX` (malloc.h of glibc). */
const largestNumberOfArenas = -8;
/** `MADV_DONTNEED` (asm-generic/mman-common.h). */
const notNeeded = 4;

/** Between looks at how much there is, in milliseconds; what starting needed is over at the first one. */
const usualPauseMs = 2_000;
/** Memory is given back when the process has so many bytes more than after the last time. */
const growth = 8 * 1024 * 1024;

/**
 * Gives memory back to the machine that the process has but does not use: free pieces of the C library's heap, and pages of program files, most
 * of which only starting needed. The latter are in the page cache anyway, but as long as they are mapped they count as this process's, and as
 * in use where the kubelet looks. A page that is needed again is mapped again, in half a microsecond.
 *
 * Where the C library is not glibc, its heap is left to itself.
 */
export class MemoryReturn implements Disposable {
  readonly #trim: (() => void) | undefined;
  readonly #drop: (start: bigint, length: number) => void;
  readonly #procfs: string;
  /** Lines of the process's maps of which it is known whether their mappings are as their files, and those that are. */
  #known: ReadonlySet<string> = new Set();
  #clean: ReadonlySet<string> = new Set();
  #left = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param procfs where `maps` and `smaps` of this process are */
  constructor(libraries: ForeignLibraries, procfs = '/proc/self') {
    this.#procfs = procfs;
    const libc = libraries.load(null);
    // One arena instead of eight per processor: the threads of the pool allocate next to nothing, and each would keep what it once had.
    declared(libc, { name: 'mallopt', parameters: ['int', 'int'], result: 'int' })?.call(
      largestNumberOfArenas,
      1,
    );
    const trim = declared(libc, { name: 'malloc_trim', parameters: ['size'], result: 'int' });
    this.#trim = trim && (() => void trim.call(0));
    const advise = libc.declare({ name: 'madvise', parameters: ['uint64', 'size', 'int'], result: 'int' });
    this.#drop = (start, length) => void advise.call(start, length, notNeeded);
  }

  /** Gives memory back from time to time, when there has come to be more of it; that takes 3 ms each time. Does not keep the process alive. */
  start(pauseMs = usualPauseMs): void {
    this.#timer ??= setInterval(() => {
      if (process.memoryUsage.rss() > this.#left + growth) this.now();
    }, pauseMs).unref();
  }

  /** Gives back what can be given back now. */
  now(): void {
    this.#trim?.();
    const maps = readFileSync(`${this.#procfs}/maps`, 'utf8').split('\n').filter(isProgram);
    // Whether a mapping was written to is told by a much larger file, which takes the kernel many milliseconds: it is read only when there are
    // mappings that were not there before. None of them can be written to, so what they are they stay.
    if (!maps.every((line) => this.#known.has(line))) {
      this.#clean = unwrittenMappings(readFileSync(`${this.#procfs}/smaps`, 'utf8'));
      this.#known = new Set(maps);
    }
    for (const line of maps) {
      if (!this.#clean.has(line)) continue;
      const [start, end] = addresses(line);
      this.#drop(start, Number(end - start));
    }
    this.#left = process.memoryUsage.rss();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/**
 * Those mappings of program files that hold nothing but what is in the files: they cannot be written to, and have not been (as parts that the
 * dynamic linker fills in and then protects).
 *
 * @param smaps as the kernel writes it (proc_pid_smaps(5))
 * @returns their headings, which are the lines of `maps`
 */
export function unwrittenMappings(smaps: string): ReadonlySet<string> {
  const found = new Set<string>();
  let heading = '';
  for (const line of smaps.split('\n')) {
    if (/^[0-9a-f]+-/.test(line)) heading = line;
    else if (/^Anonymous: +0 kB$/.test(line) && isProgram(heading)) found.add(heading);
  }
  return found;
}

/** Whether a mapping is private, of a file, and readable but not writable. */
function isProgram(line: string): boolean {
  return /^[0-9a-f]+-[0-9a-f]+ r-[x-]p .* \//.test(line);
}

function addresses(line: string): readonly [bigint, bigint] {
  const [, start = '0', end = '0'] = /^([0-9a-f]+)-([0-9a-f]+)/.exec(line) ?? [];
  return [BigInt(`0x${start}`), BigInt(`0x${end}`)];
}

/** A function that only some C libraries have. */
function declared<const P extends readonly ('int' | 'size')[]>(
  libc: ForeignLibrary,
  signature: ForeignSignature<P, 'int'>,
) {
  try {
    return libc.declare(signature);
  } catch {
    return undefined;
  }
}
