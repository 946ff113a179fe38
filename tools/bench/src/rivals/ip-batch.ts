import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contestant } from '../hooks/contestant.ts';
import type { BenchBackend } from '../links/bench-backends.ts';
import type { BenchHost } from '../links/bench-host.ts';
import type { PlannedLink } from '../links/planned-link.ts';
import type { IpProgram } from '../programs/find-programs.ts';
import type { Launcher } from './launcher.ts';
import { removeLinks } from './remove-links.ts';

/** `ip -batch`: once on the host, once in the pod, because one batch stays in one namespace. */
export class IpBatch implements Contestant {
  readonly name = 'ipBatch';
  readonly every = 2;
  readonly #program: IpProgram;
  readonly #launcher: Launcher;
  readonly host: BenchHost;
  readonly #directory: string;

  /** @param directory for the batches */
  constructor(program: IpProgram, launcher: Launcher, host: BenchHost, directory: string) {
    this.#program = program;
    this.#launcher = launcher;
    this.host = host;
    this.#directory = directory;
  }

  async attach(backend: BenchBackend, links: readonly PlannedLink[]): Promise<number> {
    const { podPath, podName } = this.host;
    const onHost = this.#file(
      'host',
      links.flatMap((link) => backend.ipCommands(link, podPath)),
    );
    const inPod = this.#file(
      'pod',
      links.flatMap(({ podName: name, address, route }) => [
        `link set ${name} up`,
        `addr add ${address} dev ${name}`,
        `route add ${route.destination} via ${route.gateway} dev ${name} proto static`,
      ]),
    );
    const { path, environment } = this.#program;
    const made = await this.#launcher.run({ command: [path, '-batch', onHost], environment });
    const command = [path, '-n', podName, '-batch', inPod];
    return made + (await this.#launcher.run({ command, environment }));
  }

  detach(backend: BenchBackend, links: readonly PlannedLink[]): Promise<void> {
    return removeLinks(backend, links, this.host);
  }

  #file(name: string, lines: readonly string[]): string {
    const path = join(this.#directory, `${name}.batch`);
    writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
    return path;
  }
}
