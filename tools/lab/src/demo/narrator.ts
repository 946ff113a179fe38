/** Tells the demo's story on standard output, and keeps count of what was checked. */
export class Narrator {
  readonly #begun = performance.now();
  readonly #failures: string[] = [];
  #checks = 0;

  /** Begins a chapter. */
  chapter(title: string): void {
    console.log(`\n\x1b[1m▍ ${title}\x1b[0m  \x1b[2m${this.seconds()} s\x1b[0m`);
  }

  /** Shows text, indented. */
  show(text: string): void {
    console.log(text.trimEnd().replace(/^/gm, '  '));
  }

  /** Shows whether something is as it should be; a failure ends the demo with exit code 1, after the rest was tried. */
  check(what: string, good: boolean, detail = ''): void {
    this.#checks++;
    if (!good) this.#failures.push(what);
    console.log(
      `  ${good ? '\x1b[32m✓\x1b[0m' : '\x1b[31m✗\x1b[0m'} ${what}${good || detail === '' ? '' : `\n${detail.replace(/^/gm, '      ')}`}`,
    );
  }

  /** Prints the sum; returns the exit code. */
  summary(): number {
    const failed = this.#failures.length;
    this.chapter('Summary');
    for (const failure of this.#failures) console.log(`  \x1b[31m✗\x1b[0m ${failure}`);
    console.log(`  ${this.#checks - failed} of ${this.#checks} checks passed in ${this.seconds()} s`);
    return failed === 0 ? 0 : 1;
  }

  /** Seconds since the beginning. */
  seconds(): string {
    return ((performance.now() - this.#begun) / 1000).toFixed(1);
  }
}
