import type { Contestant } from '../hooks/contestant.ts';
import type { BenchBackend } from '../links/bench-backends.ts';
import type { BenchHost } from '../links/bench-host.ts';
import type { PlannedLink } from '../links/planned-link.ts';
import { removeLinks } from './remove-links.ts';
import { LineProgram } from './line-program.ts';

/** The C program (`c/attach.c`): the same work by the fewest netlink messages, timed by itself. */
export class CProgram implements Contestant {
  readonly name = 'c';
  readonly every = 1;
  readonly #program: LineProgram;
  readonly host: BenchHost;

  /** @param program path of the compiled program */
  constructor(program: string, host: BenchHost) {
    this.#program = new LineProgram(program, [host.path]);
    this.host = host;
  }

  async attach(backend: BenchBackend, links: readonly PlannedLink[]): Promise<number> {
    const commands = links.map((link) => backend.cCommand(link));
    const answer = await this.#program.ask(...commands, `attach ${this.host.podPath}`);
    const [result, total] = answer.split(' ');
    if (result !== 'ok')
      throw new Error(`the C program cannot attach ${links.length} ${backend.kind} links: ${answer}`);
    return Number(total) / 1e6;
  }

  detach(backend: BenchBackend, links: readonly PlannedLink[]): Promise<void> {
    return removeLinks(backend, links, this.host);
  }

  close(): Promise<void> {
    return this.#program.close();
  }
}
