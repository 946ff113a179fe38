import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contestant } from '../hooks/contestant.ts';
import type { BenchBackend } from '../links/bench-backends.ts';
import type { BenchHost } from '../links/bench-host.ts';
import type { PlannedLink } from '../links/planned-link.ts';
import type { Launcher } from './launcher.ts';
import { removeLinks } from './remove-links.ts';

/**
 * The CNI reference plugins, one execution for each link as a runtime does it, with the plugin `static` for the addresses, which is the
 * quickest that they have.
 */
export class CniPlugins implements Contestant {
  readonly name = 'cni';
  readonly every = 4;
  readonly #plugins: string;
  readonly #launcher: Launcher;
  readonly host: BenchHost;
  readonly #directory: string;
  #pods = 0;

  /**
   * @param plugins directory of the plugins
   * @param directory for network configurations
   */
  constructor(plugins: string, launcher: Launcher, host: BenchHost, directory: string) {
    this.#plugins = plugins;
    this.#launcher = launcher;
    this.host = host;
    this.#directory = directory;
  }

  async attach(backend: BenchBackend, links: readonly PlannedLink[]): Promise<number> {
    this.#pods++;
    let total = 0;
    for (const link of links) total += await this.#run('ADD', backend, link);
    return total;
  }

  async detach(backend: BenchBackend, links: readonly PlannedLink[]): Promise<void> {
    for (const link of links.toReversed()) await this.#run('DEL', backend, link);
    await removeLinks(backend, links, this.host);
  }

  #run(command: 'ADD' | 'DEL', backend: BenchBackend, link: PlannedLink): Promise<number> {
    const { type, ...parameters } = backend.cniNetwork(link);
    const { address, route, podName } = link;
    const network = {
      cniVersion: '1.0.0',
      name: `bench-${backend.kind}-${podName}`,
      type,
      ...parameters,
      ipam: {
        type: 'static',
        addresses: [{ address }],
        routes: [{ dst: route.destination, gw: route.gateway }],
      },
    };
    const input = join(this.#directory, `${network.name}.json`);
    writeFileSync(input, JSON.stringify(network));
    return this.#launcher.run({
      command: [join(this.#plugins, type)],
      input,
      environment: {
        CNI_COMMAND: command,
        CNI_CONTAINERID: `bench-${this.#pods}`,
        CNI_NETNS: this.host.podPath,
        CNI_IFNAME: podName,
        CNI_PATH: this.#plugins,
      },
    });
  }
}
