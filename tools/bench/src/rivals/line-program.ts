import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** A program that stays, reads commands by lines and answers some of them with a line. */
export class LineProgram {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #waiting: { resolve(line: string): void; reject(error: Error): void } | undefined;

  constructor(program: string, parameters: readonly string[]) {
    this.#child = spawn(program, parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
    // Writing to a program that has ended is reported by the answer that does not come.
    this.#child.stdin.on('error', () => {});
    const lines = createInterface({ input: this.#child.stdout });
    lines.on('line', (line) => this.#waiting?.resolve(line));
    lines.on('close', () => this.#waiting?.reject(new Error(`${program} has ended instead of answering`)));
    this.#child.on('error', (error) => this.#waiting?.reject(error));
  }

  /**
   * Sends lines, of which the last one is answered. Ask again only after the answer.
   *
   * @throws Error when the program ends instead
   */
  ask(...lines: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#child.stdin.write(lines.map((line) => `${line}\n`).join(''));
    });
  }

  /** Lets the program end, by the end of its input. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    await ended;
  }
}
