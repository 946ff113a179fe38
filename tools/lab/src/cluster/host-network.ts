import { isDeepStrictEqual } from 'node:util';
import {
  addressAdd,
  type Link,
  linkDelete,
  linkSet,
  NetlinkError,
  NetworkNamespace,
  routeAdd,
  RouteSocket,
} from '@patchbay/netlink';

/** What a host link looks like: everything that must be the same after a pod had it. */
export interface LinkState {
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  readonly hardwareAddress: string | undefined;
  readonly alias: string | undefined;
  readonly altnames: readonly string[];
  readonly addresses: readonly string[];
  readonly routes: readonly string[];
}

/**
 * The lab node's network: a switch (`fabric`) with network cards plugged in (`nic0`, `nic1`, …, with addresses, MTU and routes of their own),
 * another one to build macvlan links on (`uplink0`), and a bridge for veth pairs (`br-blue`).
 */
export class HostNetwork {
  readonly #socket = RouteSocket.open();

  /** Builds the network with so many cards. */
  build(cards = 2): void {
    const names = Array.from({ length: cards }, (_, index) => `nic${index}`);
    const fabric = this.#socket.createLink({ name: 'fabric', kind: { kind: 'bridge' }, up: true });
    // Only an MTU that was set later stays when the last port goes (br_mtu_auto_adjust in net/bridge/br_if.c).
    this.#socket.execute(linkSet(fabric.index, { mtu: 9000 }));
    this.#socket.createLink({ name: 'br-blue', kind: { kind: 'bridge' }, up: true });
    for (const name of [...names, 'uplink0']) this.#plugIn(name, fabric);
    for (const [index, name] of names.entries()) this.#configure(name, index);
  }

  /** How a link looks now; undefined when it is not there. */
  state(name: string): LinkState | undefined {
    const link = this.#socket.link({ name });
    if (link === undefined) return undefined;
    return {
      name: link.name,
      up: link.up,
      mtu: link.mtu,
      hardwareAddress: link.address,
      alias: link.alias,
      altnames: link.altnames,
      addresses: this.#socket
        .addresses({ linkIndex: link.index })
        .filter(({ scope }) => scope === 'global')
        .map(({ address }) => address)
        .sort(),
      routes: this.#socket
        .routes({ linkIndex: link.index })
        .filter(
          ({ table, destination }) =>
            table === 254 && !destination.startsWith('fe80:') && !destination.startsWith('ff00:'),
        )
        .map(
          ({ destination, gateway, metric }) =>
            `${destination} via ${gateway ?? 'link'} metric ${metric ?? 0}`,
        )
        .sort(),
    };
  }

  /** Names of all links of the host. */
  linkNames(): string[] {
    return this.#socket
      .links()
      .map(({ name }) => name)
      .sort();
  }

  /** Takes a card away as if it were pulled out: it is in another namespace then. Returns what brings it back, as it was. */
  unplug(name: string): () => void {
    const { index } = this.#link(name);
    const state = this.state(name);
    const elsewhere = NetworkNamespace.create();
    this.#socket.execute(linkSet(index, { namespace: elsewhere }));
    return () => {
      using home = NetworkNamespace.own();
      using socket = RouteSocket.open({ namespace: elsewhere });
      socket.execute(linkSet(socket.link({ name })?.index ?? 0, { namespace: home }));
      elsewhere.close();
      this.#configure(name, Number(name.slice(3)));
      if (!isDeepStrictEqual(this.state(name), state)) throw new Error(`${name} is not what it was`);
    };
  }

  /** Removes the network. */
  destroy(): void {
    for (const name of this.linkNames().filter(
      (each) => each.startsWith('port-') || ['fabric', 'br-blue'].includes(each),
    )) {
      try {
        this.#socket.execute(linkDelete({ name }));
      } catch (error) {
        // A port goes with its card, which may be in a namespace that is just dying.
        if (!(error instanceof NetlinkError && error.code === 'ENODEV')) throw error;
      }
    }
    this.close();
  }

  close(): void {
    this.#socket.close();
  }

  #configure(name: string, card: number): void {
    const { index } = this.#link(name);
    this.#socket.execute(
      linkSet(index, { up: true, alias: `card ${card}` }),
      addressAdd({ linkIndex: index, address: `198.51.100.${card + 10}/25` }),
      addressAdd({ linkIndex: index, address: `2001:db8:${card}::10/64` }),
      routeAdd({
        linkIndex: index,
        destination: `203.0.${card}.0/24`,
        gateway: '198.51.100.1',
        metric: 50 + card,
      }),
    );
  }

  #plugIn(name: string, fabric: Link): void {
    const port = this.#socket.createLink({
      name: `port-${name}`,
      mtu: 9000,
      up: true,
      master: fabric.index,
      kind: { kind: 'veth', peer: { name, mtu: 9000 } },
    });
    this.#socket.execute(linkSet(port.parent ?? this.#link(name).index, { up: true }));
  }

  #link(name: string): Link {
    const link = this.#socket.link({ name });
    if (link === undefined) throw new Error(`link ${name} is not there`);
    return link;
  }
}
