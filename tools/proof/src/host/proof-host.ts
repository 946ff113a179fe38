import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HostNetwork, unmountBelow } from '@patchbay/lab';
import {
  linkSet,
  neighbourReplace,
  routeAdd,
  RouteSocket,
  ruleAdd,
  ruleDelete,
  type RuleSpec,
} from '@patchbay/netlink';
import { differences, filesBelow, type HostSnapshot, hostSnapshot, quickSnapshot } from './host-snapshot.ts';
import { leaseLink } from './lease-network.ts';
import { settleBridges } from './settle-bridges.ts';

/** How long the kernel may take until it has settled what follows from a change, in milliseconds. */
const settlingMs = 3_000;

/** A node for proofs: the lab's host network in the namespace of this process, a directory, and what it looked like at the start. */
export class ProofHost {
  readonly directory = mkdtempSync('/run/proof-');
  readonly stateDirectory = join(this.directory, 'state');
  readonly cdiDirectory = join(this.directory, 'cdi');
  readonly #cards: number;
  #network = new HostNetwork();
  #links: HostSnapshot = [];
  #files: readonly string[] = [];
  #state = '';

  /** @param cards how many whole links the node has: `nic0`, `nic1`, … */
  constructor(cards: number) {
    // Restored IPv6 addresses would be tentative for a second each; whether they are is not what is proven.
    for (const name of ['default', 'all']) writeFileSync(`/proc/sys/net/ipv6/conf/${name}/accept_dad`, '0');
    writeFileSync('/proc/sys/net/ipv6/conf/default/dad_transmits', '0');
    writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
    this.#cards = cards;
    this.#build();
  }

  /** The driver's configuration for this host. */
  get config(): Readonly<Record<string, unknown>> {
    return {
      nodeName: 'node',
      cdi: { directory: this.cdiDirectory },
      addressRanges: [{ name: 'lan', network: '10.22.0.0/24', exclude: ['10.22.0.200-10.22.0.254'] }],
      state: { directory: this.stateDirectory },
      backends: [
        {
          kind: 'veth',
          networks: [
            { name: 'blue', mode: 'bridge', bridge: 'br-blue', devices: 32 },
            { name: 'red', mode: 'routed', devices: 32 },
          ],
        },
        { kind: 'macvlan', parents: [{ link: 'uplink0', devices: 32 }] },
        { kind: 'hostdev', links: [{ name: 'nic*' }] },
      ],
    };
  }

  /** Has the DHCP server of {@link serveLeases} lend addresses on the bridge for veth pairs, and to a card that is down, `nic9`. */
  connectLeases(): void {
    using socket = RouteSocket.open();
    const master = socket.linkIndex('br-blue') ?? 0;
    socket.execute(linkSet(socket.linkIndex(leaseLink) ?? 0, { master }));
    const peer = { name: 'nic9' };
    const port = socket.createLink({ name: 'port-nic9', master, kind: { kind: 'veth', peer } });
    const card = port.parent ?? 0;
    // It has been up before, which a link never quite forgets; what its port gets whenever it is comes a moment later.
    writeFileSync('/proc/sys/net/ipv6/conf/port-nic9/disable_ipv6', '1');
    socket.execute(
      linkSet(port.index, { up: true }),
      linkSet(card, { up: true }),
      linkSet(card, { up: false }),
    );
    settleBridges();
  }

  /** Builds the network anew, after parts of it have been taken away, and remembers it. */
  rebuild(): void {
    this.#destroyNetwork();
    this.#network = new HostNetwork();
    this.#build();
    this.#rememberLinks();
  }

  /** Takes what the host is now for what it must be again. */
  remember(): void {
    this.#rememberLinks();
    this.rememberFiles();
  }

  /** Takes the files that there are now for those that there must be again. */
  rememberFiles(): void {
    this.#files = this.#filesNow();
  }

  /**
   * How links, addresses, routes, rules and files differ from what they were, once they have settled; empty when they do not.
   *
   * @param without names of links that are not expected to be there, nor what belongs to them
   */
  changes(without: readonly string[] = []): readonly string[] {
    const gone = (line: string) =>
      without.some((name) => line.includes(`"${name}"`) || line.startsWith(`link ${name}:`));
    return settled(() => [
      ...differences(this.#links, hostSnapshot()).filter((line) => !gone(line)),
      ...differences(this.#files, this.#filesNow()),
    ]);
  }

  /** Whether links, addresses, routes and rules are what they were, by a look that is quicker and less thorough than {@link changes}. */
  isAsBefore(): boolean {
    using socket = RouteSocket.open();
    return settled(() => (quickSnapshot(socket) === this.#state ? [] : ['changed'])).length === 0;
  }

  destroy(): void {
    this.#destroyNetwork();
    // Where a proof has failed, namespaces are pinned still.
    unmountBelow(this.directory);
    rmSync(this.directory, { recursive: true, force: true });
  }

  #destroyNetwork(): void {
    this.#network.destroy();
    using socket = RouteSocket.open();
    // A rule outlives the link that it names.
    for (let card = 0; card < this.#cards; card++) socket.execute(ruleDelete(cardRule(card)));
  }

  #rememberLinks(): void {
    using socket = RouteSocket.open();
    this.#links = hostSnapshot();
    this.#state = quickSnapshot(socket);
  }

  #build(): void {
    this.#network.build(this.#cards);
    settleBridges();
    for (let card = 0; card < this.#cards; card++) configureFurther(card);
  }

  #filesNow(): readonly string[] {
    return filesBelow(this.stateDirectory, this.cdiDirectory);
  }
}

function settled(changes: () => readonly string[]): readonly string[] {
  const end = performance.now() + settlingMs;
  for (;;) {
    const found = changes();
    if (found.length === 0 || performance.now() > end) return found;
    // This process has nothing else to do; what it waits for is the kernel.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
}

function cardRule(card: number): RuleSpec {
  return { family: 4, iif: `nic${card}`, table: 300 + card, priority: 3000 + card };
}

/** Gives a card all that one may have besides addresses, and that moving it takes away. */
function configureFurther(card: number): void {
  const name = `nic${card}`;
  using socket = RouteSocket.open();
  const { index: linkIndex } = socket.link({ name }) ?? { index: 0 };
  socket.execute(
    linkSet(linkIndex, { txQueueLength: 300 + card }),
    neighbourReplace({ linkIndex, address: `198.51.100.${card + 60}`, linkAddress: '02:00:5e:00:53:0a' }),
    routeAdd({ linkIndex, destination: '203.0.113.0/24', table: 300 + card }),
    ruleAdd(cardRule(card)),
  );
  writeFileSync(`/proc/sys/net/ipv4/conf/${name}/arp_ignore`, '1');
  writeFileSync(`/proc/sys/net/ipv6/conf/${name}/accept_ra`, '0');
}
