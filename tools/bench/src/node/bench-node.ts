import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TestKubelet } from '@patchbay/dra/testing';
import { DriverProcess, driverName, type KubeObject, LabApiServer, waitUntil } from '@patchbay/lab';
import { FakeNriRuntime } from '@patchbay/nri/testing';
import { benchBackends } from '../links/bench-backends.ts';
import { type BenchClaim, Claims } from './claims.ts';
import { NriRelay } from './nri-relay.ts';

const nodeName = 'bench-node';
/** Longer than runtimes have: a machine that is too busy is to be seen in the figures. In milliseconds. */
const patienceMs = 20_000;

/** Where the runtime's sockets are, when it is a real one. */
export interface RuntimeSockets {
  readonly nriSocket: string;
  readonly cdiDirectory: string;
}

/** What a {@link BenchNode} is made with. */
export interface BenchNodeOptions {
  /** A real runtime's sockets; by default the runtime is a stand-in. */
  readonly sockets?: RuntimeSockets;
  /** Path of the compiled relay, which times the driver's answers to the stand-in. */
  readonly relay?: string;
}

/**
 * A node for the driver: the API server's and the kubelet's side of its sockets, and the bundled driver as a process of its own. The runtime is
 * a stand-in that speaks NRI over a socket, unless there is a real one.
 */
export class BenchNode {
  readonly directory: string;
  readonly server: LabApiServer;
  readonly driver: DriverProcess;
  readonly kubelet = new TestKubelet();
  readonly #runtime: FakeNriRuntime | undefined;
  readonly #relay: NriRelay | undefined;
  #claims: Claims | undefined;

  private constructor(
    directory: string,
    server: LabApiServer,
    runtime: FakeNriRuntime | undefined,
    relay: NriRelay | undefined,
    sockets: RuntimeSockets,
  ) {
    this.directory = directory;
    this.server = server;
    this.#runtime = runtime;
    this.#relay = relay;
    this.driver = new DriverProcess(
      {
        ...{ directory, nodeName, server },
        registryDirectory: join(directory, 'registry'),
        pluginsDirectory: join(directory, 'plugins'),
        containerd: sockets,
      },
      benchBackends.map(({ configuration }) => configuration),
      // As in production: what the driver tells at level debug would be part of what is measured.
      { log: { level: 'info' } },
    );
  }

  /** Makes the node in the namespace of this process, whose links must be there. The driver is not started yet. */
  static async make({ sockets, relay }: BenchNodeOptions = {}): Promise<BenchNode> {
    mkdirSync('/run/lab', { recursive: true });
    const directory = mkdtempSync('/run/lab/b');
    for (const name of ['registry', 'plugins', 'cdi']) mkdirSync(join(directory, name));
    const server = await LabApiServer.start({ directory });
    server.store.put(
      { resource: 'nodes', namespace: '', name: nodeName },
      {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: nodeName, uid: randomUUID(), creationTimestamp: new Date().toISOString() },
        status: { nodeInfo: { kubeletVersion: 'v1.36.0' } },
      },
    );
    if (sockets !== undefined) return new BenchNode(directory, server, undefined, undefined, sockets);
    const socketPath = join(directory, 'runtime.sock');
    const runtime = await FakeNriRuntime.start({ socketPath, requestTimeoutMs: patienceMs });
    const nriSocket = relay === undefined ? socketPath : join(directory, 'nri.sock');
    const between = relay === undefined ? undefined : new NriRelay(relay, nriSocket, socketPath);
    const cdiDirectory = join(directory, 'cdi');
    return new BenchNode(directory, server, runtime, between, { nriSocket, cdiDirectory });
  }

  /** The stand-in for the runtime. */
  get runtime(): FakeNriRuntime {
    if (this.#runtime === undefined) throw new Error('this node has a real runtime');
    return this.#runtime;
  }

  /** What times the driver's answers to the stand-in. */
  get relay(): NriRelay {
    if (this.#relay === undefined) throw new Error('this node has no relay');
    return this.#relay;
  }

  /** Claims on what the driver has published. */
  get claims(): Claims {
    if (this.#claims === undefined) throw new Error('the driver has not been started');
    return this.#claims;
  }

  /** Starts the driver; it is registered with both and has published all its devices then. */
  async start(): Promise<void> {
    await this.driver.start({ wait: false });
    await this.registered();
    await this.driver.ready();
    await this.awaitDevices();
    this.#claims = new Claims(this.server.store, nodeName);
  }

  /** Resolves when every backend has published its devices. */
  async awaitDevices(): Promise<void> {
    await waitUntil(
      () => `the slices of ${benchBackends.length} backends; the driver's log ends with:\n${this.lastWords}`,
      () => this.#pools().size === benchBackends.length,
      { timeoutMs: patienceMs },
    );
  }

  /** Accepts the driver's registration, as the kubelet does once its socket is there. */
  async registered(): Promise<void> {
    const socket = join(this.directory, 'registry', `${driverName}-reg.sock`);
    await waitUntil(
      () => `the driver to register; its log ends with:\n${this.lastWords}`,
      () =>
        this.kubelet.register(socket).then(
          () => true,
          () => {
            this.kubelet.close();
            return false;
          },
        ),
      { timeoutMs: patienceMs },
    );
  }

  /**
   * Has the driver prepare a claim.
   *
   * @returns the CDI devices that containers with the claim get
   * @throws Error with the driver's words when it refuses
   */
  async prepare({ reference }: BenchClaim): Promise<readonly string[]> {
    const answer = (await this.kubelet.prepare(this.#service, [reference]))[reference.uid];
    if (answer?.error !== '') throw new Error(`preparing ${reference.name}: ${answer?.error ?? 'no answer'}`);
    return answer.devices.flatMap(({ cdiDeviceIds }) => cdiDeviceIds);
  }

  /** Has the driver unprepare a claim. */
  async unprepare({ reference }: BenchClaim): Promise<void> {
    const answer = (await this.kubelet.unprepare(this.#service, [reference]))[reference.uid];
    if (answer?.error !== '')
      throw new Error(`unpreparing ${reference.name}: ${answer?.error ?? 'no answer'}`);
  }

  /** The end of the driver's log. */
  get lastWords(): string {
    return this.driver.log.slice(-2000);
  }

  async stop(): Promise<void> {
    await this.driver.stop();
    await this.#relay?.close();
    await this.#runtime?.stop();
    this.kubelet.close();
    await this.server.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  get #service(): string {
    return join(this.directory, 'plugins', driverName, 'dra.sock');
  }

  #pools(): ReadonlySet<string> {
    const slices = this.server.store.list('resourceslices.resource.k8s.io') as (KubeObject & PoolMember)[];
    return new Set(slices.map(({ spec }) => spec.pool.name));
  }
}

interface PoolMember {
  readonly spec: { readonly pool: { readonly name: string } };
}
