import {
  addressAdd,
  type Link,
  linkDelete,
  linkSet,
  NetworkNamespace,
  routeAdd,
  RouteSocket,
} from '@patchbay/netlink';
import { type PodState, readPodState } from './pod-state.ts';

/** Where namespaces have names that ip(8) knows. */
const namespaceDirectory = '/run/netns';

/**
 * A host's network and one pod's empty namespace. The driver has one, its rivals have another that is built alike, so that neither sees the
 * events of the other: a switch (`fabric`) with cards plugged in (`nic0`, …, with an address and a route each), one to build macvlan links on
 * (`uplink0`), and a bridge for veth pairs (`br-blue`).
 */
export class BenchHost {
  /** The host's namespace. */
  readonly path: string;
  /** The pod's namespace. */
  readonly podPath: string;
  /** The pod's namespace as `ip -n` knows it. */
  readonly podName: string;
  readonly #namespaces: readonly NetworkNamespace[];
  readonly #host: RouteSocket;
  readonly #pod: RouteSocket;

  private constructor(name: string, host: NetworkNamespace, cards: number) {
    const pod = NetworkNamespace.create();
    this.#namespaces = [host, pod];
    this.podName = `${name}-pod`;
    this.path = `${namespaceDirectory}/${name}`;
    this.podPath = `${namespaceDirectory}/${this.podName}`;
    host.pin(this.path);
    pod.pin(this.podPath);
    this.#host = RouteSocket.open({ namespace: host });
    this.#pod = RouteSocket.open({ namespace: pod });
    const fabric = this.#host.createLink({ name: 'fabric', kind: { kind: 'bridge' }, up: true, mtu: 9000 });
    this.#host.createLink({ name: 'br-blue', kind: { kind: 'bridge' }, up: true });
    for (let card = 0; card < cards; card++) {
      this.#plugIn(`nic${card}`, fabric, card);
      this.#configureCard(card);
    }
    this.#plugIn('uplink0', fabric, 0xff);
  }

  /** Builds the network in the namespace of this process. */
  static here(name: string, cards: number): BenchHost {
    return new BenchHost(name, NetworkNamespace.own(), cards);
  }

  /** Builds the network in a new namespace. */
  static elsewhere(name: string, cards: number): BenchHost {
    return new BenchHost(name, NetworkNamespace.create(), cards);
  }

  /** What the pod has now. */
  podState(): PodState {
    return readPodState(this.#pod);
  }

  /** Deletes a link of the host, if it is there. */
  async deleteLink(name: string): Promise<void> {
    if (this.#host.link({ name }) !== undefined) await this.#host.executeAsync(linkDelete({ name }));
  }

  /** Deletes a link of the pod, if it is there. */
  async deletePodLink(name: string): Promise<void> {
    if (this.#pod.link({ name }) !== undefined) await this.#pod.executeAsync(linkDelete({ name }));
  }

  /** Brings a card back from the pod, if it is there, and makes it as it was. */
  async restoreCard(name: string, podName: string): Promise<void> {
    const [host] = this.#namespaces;
    const inPod = this.#pod.link({ name: podName });
    if (inPod !== undefined && host !== undefined) {
      await this.#pod.executeAsync(linkSet(inPod.index, { up: false, namespace: host, name }));
    }
    this.#configureCard(Number(name.slice('nic'.length)));
  }

  /** Takes the cable out of a card, or puts it back in; its carrier follows. */
  setCable(card: string, plugged: boolean): void {
    this.#host.execute(linkSet(this.#link(`port-${card}`).index, { up: plugged }));
  }

  /** Removes the network. */
  async remove(): Promise<void> {
    for (const { name } of this.#host.links()) {
      if (name.startsWith('port-') || name === 'fabric' || name === 'br-blue') await this.deleteLink(name);
    }
    this.#host.close();
    this.#pod.close();
    for (const namespace of this.#namespaces) namespace.close();
    NetworkNamespace.unpin(this.path);
    NetworkNamespace.unpin(this.podPath);
  }

  #configureCard(card: number): void {
    const { index } = this.#link(`nic${card}`);
    const present = new Set(this.#host.addresses({ linkIndex: index }).map(({ address }) => address));
    const address = `198.51.100.${card + 10}/25`;
    if (present.has(address)) return;
    const route = { destination: `203.0.${card}.0/24`, gateway: '198.51.100.1', metric: 50 + card };
    this.#host.execute(
      linkSet(index, { up: true, alias: `card ${card}` }),
      addressAdd({ linkIndex: index, address }),
      routeAdd({ linkIndex: index, ...route }),
    );
  }

  #plugIn(name: string, fabric: Link, number: number): void {
    const address = `02:00:5e:00:04:${number.toString(16).padStart(2, '0')}`;
    const port = this.#host.createLink({
      name: `port-${name}`,
      mtu: 9000,
      up: true,
      master: fabric.index,
      kind: { kind: 'veth', peer: { name, mtu: 9000, address } },
    });
    this.#host.execute(linkSet(port.parent ?? this.#link(name).index, { up: true }));
  }

  #link(name: string): Link {
    const link = this.#host.link({ name });
    if (link === undefined) throw new Error(`link ${name} is not there`);
    return link;
  }
}
