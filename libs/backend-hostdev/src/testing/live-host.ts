import { BackendRegistry, HostLinks, Inventory, silentLogger } from '@patchbay/core';
import { type Link, linkDelete, RouteSocket } from '@patchbay/netlink';
import { expect, vi } from 'vitest';
import { HostdevDiscovery } from '../hostdev-discovery.ts';

/** What the backend would publish of the links of this network namespace, kept live; for tests that change them. */
export class LiveHost {
  readonly socket = RouteSocket.open();
  readonly inventory: Inventory;
  readonly #before = new Set(this.socket.links().map(({ index }) => index));
  readonly #stopping = new AbortController();

  private constructor(name: string, isReserved: (link: Link) => boolean) {
    const discovery = new HostdevDiscovery(new HostLinks(this.socket, isReserved), { links: [{ name }] });
    const backend = { discovery, attach: undefined as never };
    this.inventory = new Inventory({
      backends: new BackendRegistry([{ kind: 'hostdev', backend }]),
      heldDevices: () => [],
      logger: silentLogger,
    });
  }

  /**
   * Starts watching; nothing is published yet.
   *
   * @param name of the links that are selected, a glob
   */
  static async open(name: string, isReserved: (link: Link) => boolean = () => false): Promise<LiveHost> {
    const host = new LiveHost(name, isReserved);
    void host.inventory.run(host.#stopping.signal);
    await host.publishes();
    return host;
  }

  /** Waits until exactly these links are published. */
  async publishes(...names: readonly string[]): Promise<void> {
    const published = () =>
      this.inventory.devices.flatMap(({ devices }) => devices.map(({ interfaceName }) => interfaceName));
    await vi.waitFor(() => expect(published()).toEqual(names), { interval: 5, timeout: 3000 });
  }

  /** Stops watching, and deletes the links that have been made since. */
  close(): void {
    this.#stopping.abort();
    for (const { index } of this.socket.links()) {
      if (!this.#before.has(index) && this.socket.link({ index }) !== undefined)
        this.socket.execute(linkDelete({ index }));
    }
    this.socket.close();
  }
}
