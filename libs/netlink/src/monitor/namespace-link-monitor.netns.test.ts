import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import {
  type LinkEvent,
  linkDelete,
  linkSet,
  type NamespaceLinkEvent,
  NamespaceLinkMonitor,
  type NamespaceLinkMonitorOptions,
  NetworkNamespace,
  type OperState,
  type RouteRequest,
  RouteSocket,
} from '../index.ts';
import { withNamespaces } from '../testing/index.ts';

/** A monitor in `namespace` that collects what it tells. */
function record(
  namespace: NetworkNamespace,
  options: Partial<NamespaceLinkMonitorOptions> = {},
): { readonly monitor: NamespaceLinkMonitor; readonly events: NamespaceLinkEvent[] } {
  const events: NamespaceLinkEvent[] = [];
  const monitor = NamespaceLinkMonitor.open({
    namespace,
    onEvents: (turn) => void events.push(...turn),
    onOverflow: () => expect.unreachable(),
    ...options,
  });
  return { monitor, events };
}

/** The kernel tells of a new alias of links that are up only. */
function alias(text: string): RouteRequest {
  return linkSet(1, { up: true, alias: text });
}

/** The links that were told of, each once: name, and its namespace's number. */
function linksOf(events: readonly NamespaceLinkEvent[]): string[] {
  const links = events
    .filter((event): event is Extract<NamespaceLinkEvent, LinkEvent> => event.group === 'link')
    .map(({ link, namespaceId }) => `${link.name} in ${namespaceId ?? 'its own'}`);
  return [...new Set(links)];
}

describe('a monitor of all namespaces', () => {
  it('tells of the whole link, and which namespace it is in', () =>
    withNamespaces(async ([host, first, second]) => {
      using hostSocket = RouteSocket.open({ namespace: host });
      using firstSocket = RouteSocket.open({ namespace: first });
      using secondSocket = RouteSocket.open({ namespace: second });
      const firstId = hostSocket.assignNamespaceId(first);
      const secondId = hostSocket.assignNamespaceId(second);
      const { monitor, events } = record(host);
      using _monitor = monitor;
      hostSocket.createLink({ name: 'own', kind: { kind: 'veth' } });
      const { index, parent = 0 } = firstSocket.createLink({
        name: 'a',
        // A pair with the same index at both ends is to the kernel no pair, and it may report its carrier a second late.
        index: 77,
        kind: { kind: 'veth', peer: { name: 'b', namespace: second } },
        up: true,
      });
      secondSocket.execute(linkSet(parent, { up: true }));
      const a = (carrier: boolean, operState: OperState) =>
        expect.objectContaining({
          group: 'link',
          action: 'new',
          namespaceId: firstId,
          link: expect.objectContaining({
            index,
            name: 'a',
            mtu: 1500,
            up: true,
            carrier,
            operState,
          }) as never,
        });
      await vi.waitFor(() => expect(events).toContainEqual(a(true, 'up')));
      expect(linksOf(events)).toContainEqual('own in its own');
      expect(linksOf(events)).toContainEqual(`b in ${secondId}`);
      events.length = 0;
      secondSocket.execute(linkSet(parent, { up: false }));
      await vi.waitFor(() => expect(events).toContainEqual(a(false, 'down')));
      await firstSocket.executeAsync(linkDelete({ index }));
      await vi.waitFor(() =>
        expect(events).toContainEqual(
          expect.objectContaining({
            action: 'delete',
            namespaceId: secondId,
            link: expect.objectContaining({ name: 'b' }) as never,
          }),
        ),
      );
    }));

  it('hears a namespace from when it gets a number', () =>
    withNamespaces(async ([host, pod]) => {
      const { monitor, events } = record(host);
      using _monitor = monitor;
      using hostSocket = RouteSocket.open({ namespace: host });
      using podSocket = RouteSocket.open({ namespace: pod });
      podSocket.execute(linkSet(1, { up: true }));
      await sleep(50);
      expect(events).toEqual([]);
      const namespaceId = hostSocket.assignNamespaceId(pod);
      podSocket.execute(linkSet(1, { alias: 'heard' }));
      await vi.waitFor(() => expect(events.length).toBeGreaterThan(1));
      expect(events.slice(0, 2)).toMatchObject([
        { group: 'namespace', action: 'new', namespaceId },
        { group: 'link', namespaceId, link: { name: 'lo', alias: 'heard' } },
      ]);
    }));

  it('takes no number of other namespaces among themselves for one of its own', () =>
    withNamespaces(async ([host, first, second]) => {
      using hostSocket = RouteSocket.open({ namespace: host });
      using firstSocket = RouteSocket.open({ namespace: first });
      hostSocket.assignNamespaceId(first);
      const { monitor, events } = record(host);
      using _monitor = monitor;
      firstSocket.assignNamespaceId(second);
      firstSocket.execute(alias('after'));
      await vi.waitFor(() => expect(linksOf(events)).toHaveLength(1));
      expect(events.filter(({ group }) => group === 'namespace')).toEqual([]);
    }));

  it('gives its own links no number, also when its namespace has one in itself', () =>
    withNamespaces(async ([host, pod, later]) => {
      using hostSocket = RouteSocket.open({ namespace: host });
      using laterSocket = RouteSocket.open({ namespace: later });
      hostSocket.assignNamespaceId(host);
      const before = record(host);
      using _before = before.monitor;
      const during = record(later);
      using _during = during.monitor;
      laterSocket.assignNamespaceId(later);
      const podId = laterSocket.assignNamespaceId(pod);
      hostSocket.execute(alias('host'));
      laterSocket.execute(alias('later'));
      await vi.waitFor(() => expect(linksOf(before.events)).toEqual(['lo in its own']));
      await vi.waitFor(() => expect(linksOf(during.events)).toEqual(['lo in its own']));
      expect(during.events[0]).toEqual({ group: 'namespace', action: 'new', namespaceId: podId });
    }));

  it('lets a namespace die, tells so, and tells when the next one gets its number', () =>
    withNamespaces(async ([host, next]) => {
      using hostSocket = RouteSocket.open({ namespace: host });
      const pod = NetworkNamespace.create();
      hostSocket.createLink({ name: 'a', kind: { kind: 'veth', peer: { name: 'eth0', namespace: pod } } });
      const namespaceId = hostSocket.assignNamespaceId(pod);
      const { monitor, events } = record(host);
      using _monitor = monitor;
      pod.close();
      await vi.waitFor(() =>
        expect(events).toContainEqual({ group: 'namespace', action: 'delete', namespaceId }),
      );
      await vi.waitFor(() => expect(hostSocket.link({ name: 'a' })).toBeUndefined(), { timeout: 1000 });
      expect(linksOf(events)).not.toContainEqual(`eth0 in ${namespaceId}`);
      expect(hostSocket.assignNamespaceId(next)).toBe(namespaceId);
      await vi.waitFor(() =>
        expect(events.at(-1)).toEqual({ group: 'namespace', action: 'new', namespaceId }),
      );
    }));

  it('decodes only links that are wanted', () =>
    withNamespaces(async ([host, pod]) => {
      using hostSocket = RouteSocket.open({ namespace: host });
      using podSocket = RouteSocket.open({ namespace: pod });
      const namespaceId = hostSocket.assignNamespaceId(pod);
      const asked: (readonly [number, number | undefined])[] = [];
      const { monitor, events } = record(host, {
        wants: (linkIndex, from) => {
          asked.push([linkIndex, from]);
          return from === namespaceId;
        },
      });
      using _monitor = monitor;
      hostSocket.execute(alias('unwanted'));
      podSocket.execute(alias('wanted'));
      await vi.waitFor(() => expect(linksOf(events)).toEqual([`lo in ${namespaceId}`]));
      expect(asked).toContainEqual([1, undefined]);
      expect(asked).toContainEqual([1, namespaceId]);
    }));

  it('tells that events were lost, and goes on; closed by what it calls, it is silent', () =>
    withNamespaces(async ([host, pod]) => {
      using hostSocket = RouteSocket.open({ namespace: host });
      using podSocket = RouteSocket.open({ namespace: pod });
      hostSocket.assignNamespaceId(pod);
      let overflows = 0;
      const { monitor, events } = record(host, {
        onOverflow() {
          overflows++;
          podSocket.execute(linkSet(1, { alias: 'at once' }));
        },
      });
      using _monitor = monitor;
      let calls = 0;
      const closing = record(host, {
        onEvents: () => {
          calls++;
          closing.monitor.close();
          closing.monitor.close();
        },
        onOverflow: () => calls++,
      });
      // All in one tick, so that nothing is read meanwhile.
      const changes = Array.from({ length: 500 }, (_, number) => linkSet(1, { group: number % 7 }));
      // Only links that are up tell of a new group.
      podSocket.execute(linkSet(1, { up: true }));
      for (let round = 0; round < 40; round++) podSocket.execute(...changes);
      await vi.waitFor(() => expect(overflows).toBeGreaterThan(0), { timeout: 10_000 });
      // What happens after it was told is not lost.
      await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ link: { alias: 'at once' } }));
      expect(overflows).toBe(1);
      const seen = events.length;
      expect(seen).toBeGreaterThan(1000);
      podSocket.execute(alias('after'));
      await vi.waitFor(() => expect(events.length).toBeGreaterThan(seen));
      expect(events.at(-1)).toMatchObject({ link: { alias: 'after' } });
      expect(calls).toBe(1);
    }));
});
