import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NetworkNamespace } from '@patchbay/netlink';
import { waitUntil } from '../waiting/wait-until.ts';
import { fetchDnsmasq } from './fetch-dnsmasq.ts';

/** How a {@link DhcpServer} serves. */
export interface DhcpServerOptions {
  /** Where it runs; its link there must be up and have an address in each network that it serves. */
  readonly namespace: NetworkNamespace;
  readonly link: string;
  /** Each is a value of dnsmasq's option `--dhcp-range`, such as `192.0.2.50,192.0.2.99,255.255.255.0,2m`. */
  readonly ranges: readonly string[];
  /** Further options, without the leading dashes, such as `dhcp-option=option:mtu,1400`. */
  readonly options?: readonly string[];
}

/** A lease as the server's lease file has it. */
export interface ServerLease {
  /** Hardware address; of DHCPv6 the IAID. */
  readonly client: string;
  readonly address: string;
  readonly hostName: string;
}

/** A real DHCP server, dnsmasq from Debian's package, in a network namespace. */
export class DhcpServer {
  readonly #command: readonly string[];
  readonly #options: DhcpServerOptions;
  readonly #directory = mkdtempSync(join(tmpdir(), 'lab-dhcp-'));
  #process: ChildProcess | undefined;
  #log = '';

  private constructor(command: readonly string[], options: DhcpServerOptions) {
    this.#command = command;
    this.#options = options;
  }

  /** Fetches dnsmasq if need be and starts it; resolves when it serves. */
  static async start(options: DhcpServerOptions): Promise<DhcpServer> {
    const server = new DhcpServer(await fetchDnsmasq(), options);
    await server.start();
    return server;
  }

  /** All that the server has said. */
  get log(): string {
    return this.#log;
  }

  /** The leases that the server has given and not had back, from its lease file. */
  get leases(): readonly ServerLease[] {
    const path = this.#leaseFile;
    if (!existsSync(path)) return [];
    return readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([expiry = '']) => /^\d+$/.test(expiry))
      .map(([, client = '', address = '', hostName = '']) => ({ client, address, hostName }));
  }

  /** Starts it again, on the leases that it had. */
  async start(): Promise<void> {
    const { namespace, link, ranges, options = [] } = this.#options;
    const [program = '', ...parameters] = [
      ...['setpriv', '--pdeathsig', 'KILL', ...this.#command],
      ...[
        '--keep-in-foreground',
        '--user=root',
        '--group=root',
        '--conf-file=/dev/null',
        '--port=0',
        '--log-facility=-',
        '--log-dhcp',
      ],
      // It would ping each address for seconds before it offers it.
      ...['--no-ping', '--dhcp-authoritative'],
      ...[`--interface=${link}`, '--bind-interfaces', `--dhcp-leasefile=${this.#leaseFile}`],
      `--pid-file=${join(this.#directory, 'pid')}`,
      ...ranges.map((range) => `--dhcp-range=${range}`),
      ...options.map((option) => `--${option}`),
    ];
    const child = namespace.run(() => spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'] }));
    this.#process = child;
    const begun = this.#log.length;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (text: Buffer) => (this.#log += text.toString()));
    }
    await waitUntil(
      () => `dnsmasq to serve; it says: ${this.#log}`,
      () => {
        if (child.exitCode !== null) throw new Error(`dnsmasq has ended: ${this.#log}`);
        return /DHCP(v6)?, IP range|router advertisement enabled/.test(this.#log.slice(begun));
      },
      { timeoutMs: 10_000 },
    );
  }

  /** Ends it; its leases stay for the next {@link start}. */
  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  }

  /** Forgets all leases; only while it does not run. */
  forgetLeases(): void {
    rmSync(this.#leaseFile, { force: true });
  }

  /** Ends it and removes its files. */
  async destroy(): Promise<void> {
    await this.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #leaseFile(): string {
    return join(this.#directory, 'leases');
  }
}
