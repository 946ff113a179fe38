import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import {
  deviceClass,
  DriverProcess,
  HostNetwork,
  type KubeObject,
  LabCluster,
  type LabClusterOptions,
  type PodTemplate,
  resourceClaim,
  type RunningPod,
  waitUntil,
} from '@patchbay/lab';

/** What a test pod asks for. */
export interface Wish {
  readonly backend: 'veth' | 'macvlan' | 'hostdev';
  /** The whole parameters without apiVersion and kind; by default an interface named after the backend. */
  readonly parameters?: object;
}

interface Allocation {
  readonly allocation: { readonly devices: { readonly results: readonly { readonly device: string }[] } };
}

/** Entries of the driver's configuration that the test node uses, with room for many pods. */
export const backends: readonly object[] = [
  { kind: 'veth', networks: [{ name: 'blue', mode: 'bridge', bridge: 'br-blue', devices: 32 }] },
  { kind: 'macvlan', parents: [{ link: 'uplink0', devices: 32 }] },
  { kind: 'hostdev', links: [{ name: 'nic*' }] },
];

/** How a {@link TestNode} is set up; everything has a default. */
export interface TestNodeOptions extends LabClusterOptions {
  /** How many network cards the node has; 2 by default. */
  readonly cards?: number;
  /** Entries of the driver's configuration, {@link backends} by default. */
  readonly backends?: readonly object[];
  /** Further fields of the driver's configuration. */
  readonly configuration?: object;
  /** UID of the pod that the driver would run in; none by default. */
  readonly podUID?: string;
}

/** A lab cluster with the lab's host network and a driver on it, for one test file. */
export class TestNode {
  readonly cluster: LabCluster;
  readonly host: HostNetwork;
  readonly driver: DriverProcess;
  #count = 0;

  private constructor(cluster: LabCluster, host: HostNetwork, options: TestNodeOptions) {
    this.cluster = cluster;
    this.host = host;
    this.driver = new DriverProcess(
      cluster,
      options.backends ?? backends,
      options.configuration ?? {},
      options.podUID,
    );
  }

  /** Builds everything; the driver runs and is registered. */
  static async start(options: TestNodeOptions = {}): Promise<TestNode> {
    const host = new HostNetwork();
    host.build(options.cards ?? 2);
    const cluster = await LabCluster.start(options);
    for (const backend of ['veth', 'macvlan', 'hostdev']) await cluster.create(deviceClass(backend));
    const node = new TestNode(cluster, host, options);
    await node.driver.start();
    return node;
  }

  /** Creates the claims of a pod and describes the pod; each wish is one claim. */
  async pod(wishes: readonly Wish[], changes: Partial<PodTemplate['spec']> = {}): Promise<PodTemplate> {
    const name = `pod-${this.#count++}`;
    const claims = wishes.map(({ backend }, index) => ({
      name: `${backend}-${index}`,
      resourceClaimName: `${name}-${index}`,
    }));
    for (const [index, { backend, parameters }] of wishes.entries()) {
      await this.cluster.create(
        resourceClaim({
          name: `${name}-${index}`,
          backend,
          parameters: parameters ?? { interface: { name: `${backend}0` } },
        }),
      );
    }
    return {
      metadata: { name },
      spec: {
        containers: [{ name: 'main', resources: { claims: claims.map((claim) => ({ name: claim.name })) } }],
        resourceClaims: claims,
        ...changes,
      },
    };
  }

  /** Waits until so many claims are prepared. */
  async prepared(count: number): Promise<void> {
    await waitUntil(
      `${count} claims to be prepared`,
      () => this.cluster.kubelet.preparedClaims.length === count,
      {
        timeoutMs: 20_000,
      },
    );
  }

  /** The device that the pod's first claim was given. */
  async allocatedDevice(pod: RunningPod['pod']): Promise<string> {
    const name = pod.spec.resourceClaims?.[0]?.resourceClaimName ?? '';
    const claim = await this.cluster.get<KubeObject & { status: Allocation }>({
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceClaim',
      metadata: { name, namespace: 'default' },
    });
    const device = claim.status.allocation.devices.results[0]?.device;
    if (device === undefined) throw new Error(`claim ${name} has no device`);
    return device;
  }

  /** Deletes a pod and its claims. */
  async remove({ pod }: Pick<RunningPod, 'pod'>): Promise<void> {
    await this.cluster.deletePod(pod);
    for (const { resourceClaimName = '' } of pod.spec.resourceClaims ?? []) {
      await this.cluster.delete({
        apiVersion: 'resource.k8s.io/v1',
        kind: 'ResourceClaim',
        metadata: { name: resourceClaimName, namespace: 'default' },
      });
    }
  }

  /** Files of the driver's journal, its gates, its pins of namespaces, its metadata and its CDI specs: all empty when no claim is prepared. */
  get leftovers(): string[] {
    return (
      [
        `${this.driver.stateDirectory}/claims`,
        `${this.driver.stateDirectory}/gates`,
        `${this.driver.stateDirectory}/namespaces`,
        `${this.driver.stateDirectory}/metadata`,
        this.cluster.containerd.cdiDirectory,
      ]
        // The pins' directory is made with the first pin.
        .filter((directory) => existsSync(directory))
        .flatMap((directory) => readdirSync(directory).map((name) => `${directory}/${name}`))
    );
  }

  /**
   * Open descriptors of the driver, without those that come and go by themselves: connections to the API server, and the few sockets in the
   * host's namespace that are kept for the next request. What it opens in pods counts.
   */
  get descriptors(): number {
    const process = `/proc/${this.driver.pid}`;
    const inodes = (table: string, column: number) =>
      readFileSync(`${process}/net/${table}`, 'utf8')
        .split('\n')
        .map((line) => `socket:[${line.trim().split(/\s+/)[column]}]`);
    const connections = new Set([...inodes('tcp', 9), ...inodes('netlink', 9)]);
    return readdirSync(`${process}/fd`).filter((fd) => !connections.has(readlinkSync(`${process}/fd/${fd}`)))
      .length;
  }

  async stop(): Promise<void> {
    await this.driver.stop();
    await this.cluster.stop();
    this.host.destroy();
  }
}
