import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addressAdd,
  addressFlags,
  type Link,
  linkDelete,
  linkSet,
  NamespaceSysctls,
  NetworkNamespace,
  type RouteRequest,
  RouteSocket,
} from '@patchbay/netlink';
import { expect, vi } from 'vitest';
import type { PodSandbox } from '../backend/backend.ts';
import type { InterfaceSetup } from '../interfaces/interface-setup.ts';
import { type HostLinkAccess, hostLinkAccess } from '../links/link-snapshot/host-link-access.ts';
import type { LinkSnapshot } from '../links/link-snapshot/link-snapshot.ts';
import { NamespacePins } from '../links/namespace-pins.ts';
import { MovedLinks } from '../links/moved-links.ts';
import { type Logger, silentLogger } from '../logging/logger.ts';
import { CrashPlan } from './crashing-socket.ts';
import { hostConfiguration } from './host-configuration.ts';

const acceptDad = 'ipv6/conf/default/accept_dad';

/** How the rig's link is to look in a pod. */
export const podSetup: InterfaceSetup = { name: 'fast0', addresses: ['10.20.0.1/24'], routes: [] };

/**
 * A host with a card, `nic0`, plugged into `port0`, and another link, `other0`; a pod; and what moves the one into the other. The host is the
 * network namespace of the test process, which must be a throw-away one.
 */
export class HostLinkRig implements Disposable {
  readonly host = RouteSocket.open();
  readonly own = NetworkNamespace.own();
  readonly pod = NetworkNamespace.create();
  readonly sandbox: PodSandbox;
  /** What was logged of parts that the host refused. */
  readonly warnings: object[] = [];
  readonly links: MovedLinks;
  readonly #state = mkdtempSync(join(tmpdir(), 'host-link-'));

  constructor() {
    // Duplicate address detection would take a second or two each time. The kernel has it off for all links and on for each new one.
    new NamespaceSysctls().write([{ path: acceptDad, value: '0' }]);
    this.sandbox = {
      ...{ podUID: 'pod-uid', podName: 'pod', podNamespace: 'default', sandboxId: 'sandbox' },
      networkNamespacePath: `/proc/${process.pid}/fd/${this.pod.fd}`,
    };
    this.links = this.driver();
    const { host } = this;
    host.createLink({ name: 'port0', up: true, kind: { kind: 'veth', peer: { name: 'nic0' } } });
    host.createLink({ name: 'other0', up: true, kind: { kind: 'veth', peer: { name: 'other1' } } });
    host.execute(
      linkSet(1, { up: true }),
      linkSet(this.named('other1').index, { up: true }),
      addressAdd({ linkIndex: this.named('other0').index, address: '192.0.2.10/24' }),
      addressAdd({ linkIndex: this.named('other0').index, address: '2001:db8:2::10/64' }),
    );
  }

  /** Index of the card on the host. */
  get nic(): number {
    return this.named('nic0').index;
  }

  named(name: string): Link {
    const link = this.host.link({ name });
    if (link === undefined) throw new Error(`${name} is not on the host`);
    return link;
  }

  /** Another life of the driver, which is killed where the plan says: at a change of links or of anything else that they have. */
  driver(plan = new CrashPlan(Infinity, 'before')): MovedLinks {
    const { sysctls, programs, openEthtool } = hostLinkAccess(this.own);
    const access: HostLinkAccess = {
      sysctls: plan.apply(sysctls),
      programs: plan.apply(programs),
      openEthtool() {
        const ethtool = openEthtool();
        return ethtool && plan.apply(ethtool);
      },
    };
    const logger: Logger = { ...silentLogger, warn: (fields) => this.warnings.push(fields) };
    return new MovedLinks(
      plan.apply(this.host),
      this.own,
      new NamespacePins(this.#state),
      logger,
      (namespace) => plan.apply(RouteSocket.open({ namespace })),
      access,
    );
  }

  /** Brings the card up and configures it. */
  configure(...requests: readonly RouteRequest[]): void {
    this.host.execute(linkSet(this.nic, { up: true }), ...requests);
  }

  /** A snapshot of the card, as it is after a crash, from the journal. */
  async snapshot(): Promise<LinkSnapshot> {
    return JSON.parse(JSON.stringify(await this.links.snapshot(this.named('nic0')))) as LinkSnapshot;
  }

  inPod<T>(work: (socket: RouteSocket) => T): T {
    using socket = RouteSocket.open({ namespace: this.pod });
    return work(socket);
  }

  async inPodAsync<T>(work: (socket: RouteSocket) => Promise<T>): Promise<T> {
    using socket = RouteSocket.open({ namespace: this.pod });
    return await work(socket);
  }

  /** Waits until carriers, and the addresses that come with them, have come to rest. */
  async settle(): Promise<void> {
    await vi.waitFor(
      () => {
        const { host } = this;
        const { up } = this.named('nic0');
        expect(host.addresses().every(({ flags }) => (flags & addressFlags.tentative) === 0)).toBe(true);
        const ipv6 = new NamespaceSysctls().read(['ipv6/conf/nic0/disable_ipv6']);
        const withoutIpv6 = Object.values(ipv6)[0] === '1' ? ['nic0'] : [];
        for (const name of ['other0', 'other1', ...(up ? ['nic0', 'port0'] : [])]) {
          const { index, operState } = this.named(name);
          expect(operState).toBe('up');
          const addresses = host.addresses({ linkIndex: index, family: 6 });
          expect(addresses.some(({ scope }) => scope === 'link')).toBe(!withoutIpv6.includes(name));
        }
        if (!up) expect(this.named('port0').operState).not.toBe('up');
      },
      { timeout: 10_000, interval: 10 },
    );
  }

  /** The configuration when all has come to rest. */
  async settled(): Promise<object> {
    await this.settle();
    return hostConfiguration();
  }

  /** Waits until the host is as it was. */
  async expectConfiguration(before: object): Promise<void> {
    await vi.waitFor(async () => expect(await hostConfiguration()).toEqual(before), {
      ...{ timeout: 10_000, interval: 10 },
    });
  }

  /** Takes the card to a pod, which does what it likes with it, and brings it back: all is as it was. */
  async expectRestored(vandalise: (linkIndex: number) => void | Promise<void> = () => {}): Promise<void> {
    const before = await this.settled();
    const taken = await this.snapshot();
    const { linkIndex = 0 } = await this.links.moveIn(taken, podSetup, this.sandbox);
    await vandalise(linkIndex);
    await this.links.moveOut(taken, podSetup, this.sandbox);
    await this.expectConfiguration(before);
    expect(this.warnings).toEqual([]);
  }

  [Symbol.dispose](): void {
    new NamespaceSysctls().write([{ path: acceptDad, value: '1' }]);
    const made = this.host.links().filter(({ name }) => ['port0', 'other0', 'br0'].includes(name));
    for (const { index } of made) this.host.execute(linkDelete({ index }));
    this.pod.close();
    this.own.close();
    this.host.close();
    expect(readdirSync(this.#state)).toEqual([]);
    rmSync(this.#state, { recursive: true });
  }
}
