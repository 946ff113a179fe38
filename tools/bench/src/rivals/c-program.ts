import type { Contestant } from '../hooks/contestant.ts';
import type { BenchBackend } from '../links/bench-backends.ts';
import type { BenchHost } from '../links/bench-host.ts';
import type { PlannedLink } from '../links/planned-link.ts';
import { removeLinks } from './remove-links.ts';
import { LineProgram } from './line-program.ts';

/** The parts of an attach, in milliseconds: a socket in the pod's namespace, the links, what is configured on them. */
export interface CPhases {
  readonly socket: number;
  readonly made: number;
  readonly configured: number;
  /** What the processor worked for it, without waiting. */
  readonly cpu: number;
}

/** The C program (`c/attach.c`): the same work by the fewest netlink messages, timed by itself. */
export class CProgram implements Contestant {
  readonly name = 'c';
  readonly every = 1;
  /** What each attach was made of. */
  readonly phases: CPhases[] = [];
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
    const [result, ...nanoseconds] = answer.split(' ');
    if (result !== 'ok')
      throw new Error(`the C program cannot attach ${links.length} ${backend.kind} links: ${answer}`);
    const [total = NaN, socket = NaN, made = NaN, configured = NaN, cpu = NaN] = nanoseconds.map(
      (each) => Number(each) / 1e6,
    );
    this.phases.push({ socket, made, configured, cpu });
    return total;
  }

  detach(backend: BenchBackend, links: readonly PlannedLink[]): Promise<void> {
    return removeLinks(backend, links, this.host);
  }

  close(): Promise<void> {
    return this.#program.close();
  }
}
