import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '@patchbay/core';
import type { AllocatedClaim } from '@patchbay/dra';
import { DriverLife } from '@patchbay/driver/testing';
import { loadForeignLibraries } from '@patchbay/ffi';
import { DhcpServer, type DhcpServerOptions, waitUntil } from '@patchbay/lab';
import {
  type Address,
  type Link,
  linkDelete,
  linkSet,
  NetworkNamespace,
  RouteSocket,
} from '@patchbay/netlink';
import { connectNamespaces } from '@patchbay/netlink/testing';
import type { PodSandbox } from '@patchbay/nri';

/** A link that a claim asks for. */
export interface AddressWish {
  readonly kind: 'veth' | 'macvlan' | 'hostdev';
  /** `interface` of the parameters, without the name. */
  readonly interface: object;
  readonly more?: object;
}

/** A pod's sandbox, and what it has. */
export interface AddressPod {
  readonly sandbox: PodSandbox;
  readonly namespace: NetworkNamespace;
}

/** What the driver has logged. */
export interface LogLine {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

const devices = { veth: 'blue-0', macvlan: 'uplink0-0', hostdev: 'nic0' } as const;
const bridge = 'lan';

/**
 * A node whose networks end in one bridge with a DHCP server behind it, and the driver on it without kubelet and runtime: what they would ask
 * for is called here. The namespace that the test runs in is the node's.
 */
export class AddressNode {
  readonly directory: string;
  readonly host = RouteSocket.open();
  readonly log: LogLine[] = [];
  readonly #servers = NetworkNamespace.create();
  readonly #pods: AddressPod[] = [];
  readonly #configuration: object;
  #server: DhcpServer | undefined;
  #life: DriverLife | undefined;

  private constructor(configuration: object) {
    mkdirSync('/run/lab', { recursive: true });
    this.directory = mkdtempSync('/run/lab/addresses-');
    this.#configuration = configuration;
  }

  /**
   * Builds the network, and starts server and driver.
   *
   * @param server how the DHCP server serves; no server when absent
   * @param configuration further fields of the driver's configuration
   */
  static async start(
    server?: Pick<DhcpServerOptions, 'ranges' | 'options'>,
    configuration: object = {},
  ): Promise<AddressNode> {
    const node = new AddressNode(configuration);
    node.#build();
    if (server !== undefined) await node.serve(server);
    await node.begin();
    return node;
  }

  /** Starts a DHCP server on the network, in place of an earlier one. */
  async serve(options: Pick<DhcpServerOptions, 'ranges' | 'options'>): Promise<void> {
    await this.#server?.destroy();
    this.#server = await DhcpServer.start({ namespace: this.#servers, link: 'lan0', ...options });
  }

  get server(): DhcpServer {
    if (this.#server === undefined) throw new Error('no DHCP server was started');
    return this.#server;
  }

  /** The driver's life; {@link end} and {@link begin} are its restart. */
  get life(): DriverLife {
    if (this.#life === undefined) throw new Error('the driver does not run');
    return this.#life;
  }

  async begin(): Promise<void> {
    const logger = recorder(this.log);
    const config = {
      nodeName: 'node',
      state: { directory: join(this.directory, 'state') },
      cdi: { directory: join(this.directory, 'cdi') },
      devices: { sharing: 'discrete' },
      backends: [
        { kind: 'veth', networks: [{ name: 'blue', mode: 'bridge', bridge, devices: 32 }] },
        { kind: 'macvlan', parents: [{ link: 'uplink0' }] },
        { kind: 'hostdev', links: [{ name: 'nic*' }] },
      ],
      ...this.#configuration,
    };
    this.#life = await DriverLife.begin({ config, libraries: loadForeignLibraries(), logger });
  }

  /** Ends the driver as a kill does. */
  end(): void {
    this.#life?.end();
    this.#life = undefined;
  }

  /** A claim for one link, for a pod of the same name. */
  claim(name: string, { kind, interface: wanted, more }: AddressWish, slot = 0): AllocatedClaim {
    const parameters = {
      ...{ apiVersion: 'patchbay.dev/v1alpha1', kind: 'InterfaceConfig' },
      interface: { name: 'net0', ...wanted },
      ...more,
    };
    return {
      ...{ uid: `uid-of-${name}`, namespace: 'default', name },
      reservedFor: [{ resource: 'pods', name, uid: `pod-uid-of-${name}` }],
      devices: [
        {
          ...{ request: 'net', pool: `node/${kind}`, adminAccess: false },
          device: devices[kind].replace('-0', `-${slot}`),
          configs: [{ source: 'FromClaim', parameters }],
        },
      ],
    };
  }

  /** Makes the sandbox of a claim's pod and has the driver's hook called. */
  async runPod({ name }: AllocatedClaim): Promise<AddressPod> {
    const namespace = NetworkNamespace.create();
    const path = join(this.directory, `netns-${name}-${this.#pods.length}`);
    namespace.pin(path);
    const sandbox: PodSandbox = {
      ...{
        id: `sandbox-${name}-${this.#pods.length}`,
        uid: `pod-uid-of-${name}`,
        name,
        namespace: 'default',
      },
      ...{ labels: {}, annotations: {}, runtimeHandler: '', ips: [], networkNamespacePath: path },
    };
    const pod = { sandbox, namespace };
    this.#pods.push(pod);
    await this.life.hooks.runPodSandbox?.(sandbox);
    return pod;
  }

  /** Has the driver's hook called for the pod's end, and ends it. */
  async stopPod({ sandbox, namespace }: AddressPod): Promise<void> {
    await this.life.hooks.stopPodSandbox?.(sandbox);
    NetworkNamespace.unpin(sandbox.networkNamespacePath ?? '');
    namespace.close();
  }

  /** The pod's interface. */
  link({ namespace }: AddressPod): Link {
    using socket = RouteSocket.open({ namespace });
    const link = socket.link({ name: 'net0' });
    if (link === undefined) throw new Error('the pod has no interface net0');
    return link;
  }

  /** Addresses of the pod's interface but for link-local ones. */
  addresses(pod: AddressPod): readonly Address[] {
    using socket = RouteSocket.open({ namespace: pod.namespace });
    return socket.addresses({ linkIndex: this.link(pod).index }).filter(({ scope }) => scope !== 'link');
  }

  /** The first lease in a claim's journal record. */
  lease({ uid }: AllocatedClaim): { readonly address: string; readonly obtainedAt: number } | undefined {
    const file = join(this.directory, 'state/claims', `${uid}.json`);
    const record = JSON.parse(readFileSync(file, 'utf8')) as {
      devices: { leases?: { lease: { address: string; obtainedAt: number } }[] }[];
    };
    return record.devices[0]?.leases?.[0]?.lease;
  }

  /** Links, addresses and routes of the host as comparable text, without link-local addresses, which come and go with the carrier. */
  hostState(): string {
    const links = this.host.links();
    const nameOf = (index = 0) => links.find((link) => link.index === index)?.name;
    return [
      ...links.map(({ name, up, mtu, address, master, alias, txQueueLength }) =>
        JSON.stringify({ name, up, mtu, address, master: nameOf(master), alias, txQueueLength }),
      ),
      ...this.host
        .addresses()
        .filter(({ scope }) => scope !== 'link')
        .map(({ linkIndex, address }) => `${address} ${nameOf(linkIndex)}`),
      ...this.host
        .routes()
        .filter(({ table, destination }) => table === 254 && !destination.startsWith('fe80:'))
        .map(({ destination, gateway, linkIndex }) => `${destination} ${gateway} ${nameOf(linkIndex)}`),
    ]
      .sort()
      .join('\n');
  }

  async destroy(): Promise<void> {
    this.end();
    await this.#server?.destroy();
    for (const { sandbox, namespace } of this.#pods) {
      NetworkNamespace.unpin(sandbox.networkNamespacePath ?? '');
      namespace.close();
    }
    for (const { name } of this.host.links()) {
      if (name === bridge || name.startsWith('port-')) this.host.execute(linkDelete({ name }));
    }
    this.#servers.close();
    // Ends of pairs go some time after the namespaces of the others.
    await waitUntil(
      'the host to have no links left',
      () => this.host.links().every(({ encapsulation }) => encapsulation === 'loopback'),
      { timeoutMs: 5_000 },
    );
    this.host.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #build(): void {
    using own = NetworkNamespace.own();
    const { index } = this.host.createLink({ name: bridge, kind: { kind: 'bridge' }, up: true });
    const [port] = connectNamespaces(
      { namespace: own, name: 'port-server' },
      { namespace: this.#servers, name: 'lan0', addresses: ['192.0.2.1/24', '2001:db8::1/64'] },
    );
    this.host.execute(linkSet(port.index, { master: index }));
    for (const name of ['uplink0', 'nic0']) {
      const near = this.host.createLink({
        ...{ name: `port-${name}`, master: index, up: true },
        kind: { kind: 'veth', peer: { name } },
      });
      // The card is down, as one that nobody has configured.
      if (name !== 'nic0') this.host.execute(linkSet(near.parent ?? 0, { up: true }));
    }
  }
}

function recorder(lines: LogLine[]): Logger {
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields, message });
  const logger: Logger = {
    ...{ debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    child: () => logger,
  };
  return logger;
}
