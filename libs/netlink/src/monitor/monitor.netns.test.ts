import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import {
  addressAdd,
  linkDelete,
  linkSet,
  neighbourAdd,
  routeAdd,
  type RouteEvent,
  RouteMonitor,
  RouteSocket,
  ruleAdd,
  type Uevent,
  UeventMonitor,
} from '../index.ts';
import { withNamespaces } from '../testing/index.ts';

describe('a route monitor', () => {
  it('tells what happens in another namespace', () =>
    withNamespaces(async ([host]) => {
      const events: RouteEvent[] = [];
      using _monitor = RouteMonitor.open({
        namespace: host,
        groups: ['link', 'address', 'route', 'rule', 'neighbour'],
        onEvents: (turn) => void events.push(...turn),
        onOverflow: () => expect.unreachable(),
      });
      using socket = RouteSocket.open({ namespace: host });
      const { index: linkIndex, parent = 0 } = socket.createLink({
        name: 'a',
        kind: { kind: 'veth' },
        up: true,
      });
      socket.execute(
        linkSet(parent, { up: true }),
        addressAdd({ linkIndex, address: '192.0.2.1/24' }),
        routeAdd({ destination: '10.0.0.0/8', gateway: '192.0.2.2', linkIndex }),
        ruleAdd({ priority: 9, family: 4, table: 9 }),
        neighbourAdd({ linkIndex, address: '192.0.2.3', linkAddress: '02:00:00:00:00:03' }),
        linkDelete({ index: linkIndex }),
      );
      await vi.waitFor(() =>
        expect(events).toContainEqual({
          group: 'link',
          action: 'delete',
          link: expect.objectContaining({ index: linkIndex, name: 'a' }) as never,
        }),
      );
      expect(events[0]).toMatchObject({ group: 'link', action: 'new' });
      for (const expected of [
        { group: 'address', action: 'new', address: { address: '192.0.2.1/24', linkIndex } },
        { group: 'route', action: 'new', route: { destination: '10.0.0.0/8', gateway: '192.0.2.2' } },
        { group: 'rule', action: 'new', rule: { priority: 9, table: 9 } },
        { group: 'neighbour', action: 'new', neighbour: { address: '192.0.2.3' } },
        { group: 'address', action: 'delete', address: { address: '192.0.2.1/24' } },
      ]) {
        expect(events).toContainEqual(expect.objectContaining(nested(expected)));
      }
    }));

  it('tells only what was asked for, and where a link that moved away went', () =>
    withNamespaces(async ([host, pod]) => {
      const events: RouteEvent[] = [];
      using _monitor = RouteMonitor.open({
        namespace: host,
        groups: ['link'],
        onEvents: (turn) => void events.push(...turn),
        onOverflow: () => expect.unreachable(),
      });
      using socket = RouteSocket.open({ namespace: host });
      const { index } = socket.createLink({ name: 'a', kind: { kind: 'veth' } });
      await socket.executeAsync(linkSet(index, { namespace: pod, newIndex: 99 }));
      await vi.waitFor(() =>
        expect(events).toContainEqual(
          expect.objectContaining({
            action: 'delete',
            movedTo: { namespaceId: expect.any(Number) as number, index: 99 },
          }),
        ),
      );
      expect(events.every(({ group }) => group === 'link')).toBe(true);
    }));

  it('tells that events were lost, and goes on', () =>
    withNamespaces(async ([host]) => {
      let overflows = 0;
      const events: RouteEvent[] = [];
      using socket = RouteSocket.open({ namespace: host });
      using _monitor = RouteMonitor.open({
        namespace: host,
        groups: ['link'],
        onEvents: (turn) => void events.push(...turn),
        onOverflow() {
          overflows++;
          socket.execute(linkSet(1, { alias: 'at once' }));
        },
      });
      // All in one tick, so that nothing is read meanwhile.
      const changes = Array.from({ length: 500 }, (_, number) => linkSet(1, { group: number % 7 }));
      // Only links that are up tell of a new group.
      socket.execute(linkSet(1, { up: true }));
      for (let round = 0; round < 40; round++) socket.execute(...changes);
      await vi.waitFor(() => expect(overflows).toBeGreaterThan(0), { timeout: 10_000 });
      // What happens after it was told is not lost.
      await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ link: { alias: 'at once' } }));
      expect(overflows).toBe(1);
      expect(events.length).toBeGreaterThan(1000);
      const seen = events.length;
      socket.execute(linkSet(1, { alias: 'after' }));
      await vi.waitFor(() => expect(events.length).toBeGreaterThan(seen));
      expect(events.at(-1)).toMatchObject({ link: { alias: 'after' } });
    }));

  it('is silent once closed, also by its own callback', () =>
    withNamespaces(async ([host]) => {
      let calls = 0;
      const monitor = RouteMonitor.open({
        namespace: host,
        groups: ['link'],
        onEvents: () => {
          calls++;
          monitor.close();
          monitor.close();
        },
        onOverflow: () => expect.unreachable(),
      });
      using socket = RouteSocket.open({ namespace: host });
      for (let round = 0; round < 3; round++) {
        socket.execute(linkSet(1, { up: round % 2 === 0 }));
        await sleep(20);
      }
      expect(calls).toBe(1);
    }));
});

describe('a uevent monitor', () => {
  it('tells of network devices that come, are renamed and go', () =>
    withNamespaces(async ([host]) => {
      const events: Uevent[] = [];
      using _monitor = UeventMonitor.open({
        namespace: host,
        onEvents: (turn) => void events.push(...turn),
        onOverflow: () => expect.unreachable(),
      });
      using socket = RouteSocket.open({ namespace: host });
      const { index } = socket.createLink({ name: 'a', kind: { kind: 'veth' } });
      socket.execute(linkSet(index, { name: 'b' }));
      await socket.executeAsync(linkDelete({ index }));
      const of = (action: string, name: string) => ({
        action,
        devicePath: `/devices/virtual/net/${name}`,
        subsystem: 'net',
        properties: expect.objectContaining({ INTERFACE: name, IFINDEX: String(index) }) as never,
      });
      await vi.waitFor(() => expect(events).toContainEqual(of('remove', 'b')));
      expect(events).toContainEqual(of('add', 'a'));
      expect(events).toContainEqual(of('move', 'b'));
    }));
});

/** Turns the inner objects of an expectation into partial ones. */
function nested(expected: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(expected).map(([key, value]) => [
      key,
      typeof value === 'object' && value !== null ? (expect.objectContaining(value) as unknown) : value,
    ]),
  );
}
