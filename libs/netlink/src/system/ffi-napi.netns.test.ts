import { AdapterUnavailableError, type ForeignLibraries, loadForeignLibraries } from '@patchbay/ffi';
import { describe, expect, it, vi } from 'vitest';
import { linkSet, NamespaceLinkMonitor, RouteMonitor, RouteSocket, useForeignLibraries } from '../index.ts';
import { withNamespaces } from '../testing/index.ts';

const adapter = load();

describe('netlink over the second adapter', () => {
  if (adapter instanceof AdapterUnavailableError) {
    it(`ABSENT, not tested: ${adapter.message}`, () => expect(adapter.adapter).toBe('ffi-napi'));
    return;
  }
  useForeignLibraries(adapter);

  it('creates, moves, reads and watches links as over the first', () =>
    withNamespaces(async ([host, pod]) => {
      const seen: string[] = [];
      using _monitor = RouteMonitor.open({
        namespace: pod,
        groups: ['link'],
        onEvents: (events) => events.forEach((event) => event.group === 'link' && seen.push(event.link.name)),
        onOverflow: () => expect.unreachable(),
      });
      using hostSocket = RouteSocket.open({ namespace: host });
      using podSocket = RouteSocket.open({ namespace: pod });
      const created = await Promise.all(
        Array.from({ length: 10 }, (_, number) =>
          hostSocket.createLinkAsync({
            name: `v${number}`,
            kind: { kind: 'veth', peer: { name: `p${number}` } },
          }),
        ),
      );
      await Promise.all(
        created.map(({ index }) => hostSocket.executeAsync(linkSet(index, { namespace: pod }))),
      );
      expect(podSocket.links()).toHaveLength(11);
      expect(() => podSocket.execute(linkSet(1, { mtu: 0xffff_ffff }))).toThrow(
        expect.objectContaining({ code: 'EINVAL' }),
      );
      await vi.waitFor(() => expect(seen).toContain('v9'));
    }));

  it('hears other namespaces as over the first', () =>
    withNamespaces(async ([host, pod]) => {
      const seen: (readonly [string, number | undefined])[] = [];
      using _monitor = NamespaceLinkMonitor.open({
        namespace: host,
        onEvents: (events) =>
          events.forEach(
            (event) => event.group === 'link' && seen.push([event.link.name, event.namespaceId]),
          ),
        onOverflow: () => expect.unreachable(),
      });
      using hostSocket = RouteSocket.open({ namespace: host });
      using podSocket = RouteSocket.open({ namespace: pod });
      const namespaceId = hostSocket.assignNamespaceId(pod);
      podSocket.createLink({ name: 'p', kind: { kind: 'veth' } });
      hostSocket.createLink({ name: 'h', kind: { kind: 'veth' } });
      await vi.waitFor(() => expect(seen).toContainEqual(['h', undefined]));
      expect(seen).toContainEqual(['p', namespaceId]);
    }));

  it('cannot be changed while it is in use', () => {
    expect(() => useForeignLibraries(loadForeignLibraries('koffi'))).toThrow(
      /using the adapter 'ffi-napi' already/,
    );
  });
});

function load(): ForeignLibraries | AdapterUnavailableError {
  try {
    return loadForeignLibraries('ffi-napi');
  } catch (error) {
    if (error instanceof AdapterUnavailableError) return error;
    throw error;
  }
}
