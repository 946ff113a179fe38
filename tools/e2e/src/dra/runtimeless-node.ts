import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TestKubelet } from '@patchbay/dra/testing';
import {
  DriverProcess,
  driverName,
  HostNetwork,
  type JsonObject,
  type KubeObject,
  type LabApiClient,
  LabApiServer,
  waitUntil,
} from '@patchbay/lab';

/** A claim that the test has allocated, as the scheduler would. */
export interface TestClaim {
  readonly reference: { readonly uid: string; readonly namespace: string; readonly name: string };
  readonly pool: string;
  readonly device: string;
  /** Of the pod that the claim is reserved for. */
  readonly podUID: string;
}

interface PublishedDevice {
  readonly name: string;
  readonly allowMultipleAllocations?: boolean;
  readonly attributes?: Readonly<Record<string, { readonly string?: string }>>;
}

/** What a slice says, apart from when it was written. */
export interface SliceContent {
  readonly uid: string;
  readonly spec: { readonly pool: { readonly name: string }; readonly devices?: readonly PublishedDevice[] };
}

const nodeName = 'lab-node';
const resourcePath = '/apis/resource.k8s.io/v1';

/** Entries of the driver's configuration. */
const backends: readonly object[] = [
  { kind: 'veth', networks: [{ name: 'blue', mode: 'bridge', bridge: 'br-blue', devices: 32 }] },
  { kind: 'macvlan', parents: [{ link: 'uplink0', devices: 32 }] },
  { kind: 'hostdev', links: [{ name: 'nic*' }] },
];

/**
 * A node with the API server, a kubelet's side of the sockets, and the driver, but no container runtime: for what happens before there is a
 * sandbox. Claims are allocated by hand, so that a test may do in seconds what a scheduler would take minutes for.
 */
export class RuntimelessNode {
  readonly directory: string;
  readonly cdiDirectory: string;
  readonly server: LabApiServer;
  readonly api: LabApiClient;
  readonly host: HostNetwork;
  readonly driver: DriverProcess;
  readonly #kubelet = new TestKubelet();
  readonly #inUse = new Set<string>();

  private constructor(
    directory: string,
    server: LabApiServer,
    host: HostNetwork,
    configured: readonly object[],
  ) {
    this.directory = directory;
    this.cdiDirectory = join(directory, 'cdi');
    this.server = server;
    this.api = server.client({ userAgent: 'test' });
    this.host = host;
    this.driver = new DriverProcess(
      {
        ...{ directory, nodeName, server },
        registryDirectory: join(directory, 'registry'),
        pluginsDirectory: join(directory, 'plugins'),
        containerd: { nriSocket: join(directory, 'no-runtime.sock'), cdiDirectory: this.cdiDirectory },
      },
      configured,
      { log: { level: 'info' } },
    );
  }

  /** Builds everything; the driver is registered and has published. */
  static async start(
    options: { readonly cards?: number; readonly backends?: readonly object[] } = {},
  ): Promise<RuntimelessNode> {
    mkdirSync('/run/lab', { recursive: true });
    const directory = mkdtempSync('/run/lab/n');
    for (const name of ['registry', 'plugins', 'cdi']) mkdirSync(join(directory, name));
    const host = new HostNetwork();
    host.build(options.cards ?? 2);
    const server = await LabApiServer.start({ directory });
    const node = new RuntimelessNode(directory, server, host, options.backends ?? backends);
    await node.api.request({
      method: 'POST',
      path: '/api/v1/nodes',
      body: {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: nodeName },
        status: { nodeInfo: { kubeletVersion: 'v1.36.0' } },
      },
    });
    await node.driver.start({ wait: false });
    await node.registered();
    await node.published();
    return node;
  }

  /** Registers the driver, patiently, as the kubelet does. */
  async registered(): Promise<void> {
    await waitUntil(
      () => `the driver to register; its log ends with:\n${this.driver.log.slice(-2000)}`,
      async () => {
        // The service of an instance that was killed is gone; a client that knows it waits before it tries the new one.
        this.#kubelet.close();
        const socket = join(this.directory, 'registry', `${driverName}-reg.sock`);
        return this.#kubelet.register(socket).then(
          () => true,
          () => false,
        );
      },
      { timeoutMs: 15_000 },
    );
  }

  /** Waits until each backend has its slices. */
  async published(): Promise<void> {
    await waitUntil(
      () => `slices of three backends; the driver's log ends with:\n${this.driver.log.slice(-2000)}`,
      async () => new Set((await this.slices()).map(({ spec }) => spec.pool.name)).size === 3,
      { timeoutMs: 15_000 },
    );
  }

  /** What is published now, by pool. */
  async slices(): Promise<SliceContent[]> {
    const { items } = await this.api.list<KubeObject & { spec: SliceContent['spec'] }>(
      `${resourcePath}/resourceslices`,
    );
    return items
      .map(({ metadata, spec }) => ({ uid: metadata.uid ?? '', spec }))
      .sort((a, b) => (a.spec.pool.name < b.spec.pool.name ? -1 : 1));
  }

  /** Allocates a new claim to a device that is free, chosen at random; undefined when none is. */
  async allocate(name: string, random: () => number): Promise<TestClaim | undefined> {
    const free = (await this.#devices()).filter(
      ({ pool, device }) =>
        device.allowMultipleAllocations === true || !this.#inUse.has(`${pool}/${device.name}`),
    );
    const chosen = free[Math.floor(random() * free.length)];
    return chosen && this.#allocate(name, chosen.pool, chosen.device);
  }

  /** Allocates a new claim to the device of a name. */
  async allocateDevice(name: string, deviceName: string): Promise<TestClaim> {
    const chosen = (await this.#devices()).find(({ device }) => device.name === deviceName);
    if (chosen === undefined) throw new Error(`no device ${deviceName}`);
    return this.#allocate(name, chosen.pool, chosen.device);
  }

  /** Reads a claim, as the driver must before it prepares it. */
  async readClaim({ reference: { namespace, name } }: TestClaim): Promise<void> {
    await this.api.request({
      method: 'GET',
      path: `${resourcePath}/namespaces/${namespace}/resourceclaims/${name}`,
    });
  }

  /** Deletes a claim, whose device is then free. */
  async release({ reference: { namespace, name }, pool, device }: TestClaim): Promise<void> {
    await this.api.request({
      method: 'DELETE',
      path: `${resourcePath}/namespaces/${namespace}/resourceclaims/${name}`,
    });
    this.#inUse.delete(`${pool}/${device}`);
  }

  /** Has the driver prepare a claim; returns its error, empty when there is none. */
  async prepare({ reference }: TestClaim): Promise<string> {
    const answer = await this.#kubelet.prepare(this.#service, [reference]);
    return answer[reference.uid]?.error ?? 'no answer for the claim';
  }

  /** Has the driver unprepare a claim; returns its error, empty when there is none. */
  async unprepare({ reference }: TestClaim): Promise<string> {
    const answer = await this.#kubelet.unprepare(this.#service, [reference]);
    return answer[reference.uid]?.error ?? 'no answer for the claim';
  }

  async stop(): Promise<void> {
    await this.driver.stop();
    this.#kubelet.close();
    await this.server.stop();
    this.host.destroy();
    rmSync(this.directory, { recursive: true });
  }

  get #service(): string {
    return join(this.directory, 'plugins', driverName, 'dra.sock');
  }

  async #devices(): Promise<{ readonly pool: string; readonly device: PublishedDevice }[]> {
    return (await this.slices()).flatMap(({ spec: { pool, devices = [] } }) =>
      devices.map((device) => ({ pool: pool.name, device })),
    );
  }

  async #allocate(name: string, pool: string, device: PublishedDevice): Promise<TestClaim> {
    const shared = device.allowMultipleAllocations === true;
    if (!shared) this.#inUse.add(`${pool}/${device.name}`);
    const path = `${resourcePath}/namespaces/default/resourceclaims`;
    const claim = await this.api.request<KubeObject>({
      method: 'POST',
      path,
      body: {
        apiVersion: 'resource.k8s.io/v1',
        kind: 'ResourceClaim',
        metadata: { name, namespace: 'default' },
        spec: { devices: { requests: [{ name: 'net', exactly: { deviceClassName: 'any' } }] } },
      },
    });
    const result = {
      ...{ request: 'net', driver: driverName, pool, device: device.name },
      ...(shared ? { shareID: randomUUID(), consumedCapacity: { 'patchbay.dev/links': '1' } } : {}),
    };
    const pod = { resource: 'pods', name: `pod-of-${name}`, uid: randomUUID() };
    const status: JsonObject = { allocation: { devices: { results: [result] } }, reservedFor: [pod] };
    await this.api.request({ method: 'PUT', path: `${path}/${name}/status`, body: { ...claim, status } });
    return {
      reference: { uid: claim.metadata.uid ?? '', namespace: 'default', name },
      pool,
      device: device.name,
      podUID: pod.uid,
    };
  }
}
