import { describe, expect, it } from 'vitest';
import {
  addressAdd,
  addressDelete,
  ChangeMonitor,
  isCrossingPair,
  type Link,
  linkDelete,
  linkSet,
  type NetworkNamespace,
  type RouteRequest,
  RouteSocket,
} from '../index.ts';
import { withNamespaces } from '../testing/index.ts';

/** A host whose changes are heard in a scope, and a pod. */
class Rig {
  readonly host: RouteSocket;
  readonly inside: RouteSocket;
  readonly monitor: ChangeMonitor;
  readonly hostNamespace: NetworkNamespace;
  readonly pod: NetworkNamespace;

  constructor(host: NetworkNamespace, pod: NetworkNamespace) {
    this.hostNamespace = host;
    this.pod = pod;
    this.host = RouteSocket.open({ namespace: host });
    this.inside = RouteSocket.open({ namespace: pod });
    this.host.execute(linkSet(1, { up: true }));
    this.monitor = ChangeMonitor.open({
      namespace: host,
      groups: ['link', 'address', 'route'],
      subsystems: ['net', 'pci'],
      onChange: () => {},
    });
    this.monitor.scope = { crossingPairs: false };
  }

  /** Makes a pair of which one end is in the pod. Returns the host's. */
  connect(name = 'cali1'): Link {
    const peer = { name: `eth-${name}`, namespace: this.pod };
    return this.host.createLink({ name, kind: { kind: 'veth', peer } });
  }

  /** Whether something has changed since it was asked last. */
  heard(): boolean {
    const { changed } = this.monitor;
    this.monitor.arm();
    return changed;
  }

  /** Whether these change something. */
  tells(...requests: readonly RouteRequest[]): boolean {
    this.monitor.arm();
    this.host.execute(...requests);
    return this.heard();
  }

  [Symbol.dispose](): void {
    this.monitor.close();
    this.inside.close();
    this.host.close();
  }
}

function withRig(run: (rig: Rig) => void): Promise<void> {
  return withNamespaces(([host, pod]) => {
    using rig = new Rig(host, pod);
    run(rig);
  });
}

describe('a scope without crossing pairs', () => {
  it('leaves out all of the life of the host’s end of a pod’s link but its death', () =>
    withRig((rig) => {
      rig.monitor.arm();
      const { index } = rig.connect();
      expect(rig.heard()).toBe(false);
      expect(rig.tells(linkSet(index, { up: true }))).toBe(false);
      const [inside] = rig.inside.links().filter(({ kind }) => kind === 'veth');
      rig.inside.execute(linkSet(inside!.index, { up: true }));
      expect(rig.host.link({ index })).toMatchObject({ carrier: true });
      expect(rig.heard()).toBe(false);
      expect(rig.tells(linkSet(index, { mtu: 1400, alias: 'theirs' }))).toBe(false);
      expect(isCrossingPair(rig.host.link({ index })!)).toBe(true);
      rig.inside.execute(linkDelete({ index: inside!.index }));
      expect(rig.heard()).toBe(true);
    }));

  it('leaves out an end that is made in the pod and moved to the host, as plugins do it', () =>
    withRig((rig) => {
      rig.monitor.arm();
      rig.inside.createLink({
        name: 'eth0',
        kind: { kind: 'veth', peer: { name: 'veth45bf', namespace: rig.hostNamespace } },
      });
      expect(rig.host.link({ name: 'veth45bf' })).toBeDefined();
      expect(rig.heard()).toBe(false);
    }));

  it('has in it a pair whose ends are both here, and one whose other end comes here', () =>
    withRig((rig) => {
      rig.monitor.arm();
      const card = rig.host.createLink({ name: 'nic0', kind: { kind: 'veth', peer: { name: 'port0' } } });
      expect(rig.heard()).toBe(true);
      expect(rig.tells(linkSet(card.index, { up: true }))).toBe(true);
      expect(rig.tells(linkSet(card.index, { alias: 'a' }))).toBe(true);
      expect(rig.tells(linkSet(card.index, { namespace: rig.pod }))).toBe(true);
      expect(rig.heard()).toBe(false);
      const { index } = rig.inside.link({ name: 'nic0' })!;
      rig.inside.execute(linkSet(index, { namespace: rig.hostNamespace }));
      expect(rig.heard()).toBe(true);
    }));

  it.each([
    ['bridge', { name: 'vethX', kind: { kind: 'bridge' } }],
    ['macvlan', { name: 'm0', kind: { kind: 'macvlan', mode: 'bridge' }, parent: 1 }],
  ] as const)('has a %s in it', (_kind, spec) =>
    withRig((rig) => {
      const { index: parent } = rig.host.createLink({ name: 'nic0', kind: { kind: 'veth' } });
      rig.monitor.arm();
      const { index } = rig.host.createLink({ ...spec, ...('parent' in spec ? { parent } : {}) });
      expect(rig.heard()).toBe(true);
      expect(rig.tells(linkSet(index, { up: true }))).toBe(true);
    }),
  );

  it('can be widened and narrowed again', () =>
    withRig((rig) => {
      const { index } = rig.connect();
      rig.host.execute(linkSet(index, { up: true }));
      const tells = (alias: string) => rig.tells(linkSet(index, { alias }));
      expect(tells('a')).toBe(false);
      rig.monitor.scope = { crossingPairs: true };
      expect(tells('b')).toBe(true);
      rig.monitor.scope = { crossingPairs: false };
      expect(tells('c')).toBe(false);
    }));
});

describe('a scope with the addresses of some links', () => {
  const address = { address: '192.0.2.1/32' };

  it('leaves out those of the others', () =>
    withRig((rig) => {
      const { index } = rig.connect();
      const tells = (linkIndex: number) => {
        const added = rig.tells(addressAdd({ ...address, linkIndex }));
        expect(rig.tells(addressDelete({ ...address, linkIndex }))).toBe(added);
        return added;
      };
      rig.monitor.scope = { crossingPairs: false, addressesOf: new Set([1, 70_000]) };
      expect([tells(1), tells(index)]).toEqual([true, false]);
      rig.monitor.scope = { crossingPairs: false, addressesOf: new Set() };
      expect([tells(1), tells(index)]).toEqual([false, false]);
      rig.monitor.scope = { crossingPairs: false };
      expect([tells(1), tells(index)]).toEqual([true, true]);
    }));

  it.each([200, 201])('works with %i of them', (count) =>
    withRig((rig) => {
      const addressesOf = new Set(Array.from({ length: count }, (_, number) => number + 1000));
      rig.monitor.scope = { crossingPairs: false, addressesOf };
      expect(rig.tells(addressAdd({ ...address, linkIndex: 1 }))).toBe(count > 200);
      rig.monitor.scope = { crossingPairs: false, addressesOf: new Set([...addressesOf].with(0, 1)) };
      expect(rig.tells(addressDelete({ ...address, linkIndex: 1 }))).toBe(true);
    }),
  );
});
