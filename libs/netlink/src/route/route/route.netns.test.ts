import { describe, expect, it } from 'vitest';
import {
  addressAdd,
  addressFlags,
  linkSet,
  routeAdd,
  routeDelete,
  routeReplace,
  RouteSocket,
} from '../../index.ts';
import { withNamespaces } from '../../testing/index.ts';

/** A socket in a new namespace with a link that is up and has addresses of both families. */
function withLink<T>(
  test: (socket: RouteSocket, linkIndex: number, otherIndex: number) => T | Promise<T>,
): Promise<T> {
  return withNamespaces(async ([host]) => {
    using socket = RouteSocket.open({ namespace: host });
    const { index, parent = 0 } = socket.createLink({ name: 'a', kind: { kind: 'veth' } });
    const withoutOwn = { ipv6AddressGeneration: 'none' } as const;
    socket.execute(
      linkSet(1, { up: true }),
      linkSet(parent, withoutOwn),
      linkSet(index, withoutOwn),
      linkSet(parent, { up: true }),
      linkSet(index, { up: true }),
      addressAdd({ linkIndex: index, address: '192.0.2.10/24' }),
      addressAdd({ linkIndex: index, address: '2001:db8::10/64', flags: addressFlags.nodad }),
      addressAdd({ linkIndex: parent, address: '198.51.100.10/24' }),
    );
    return await test(socket, index, parent);
  });
}

describe('routes', () => {
  it('are listed alike by either way, and only the wide ones when no others are asked for', () =>
    withLink(async (socket, linkIndex) => {
      socket.execute(
        routeAdd({ destination: '0.0.0.0/0', gateway: '192.0.2.1', linkIndex }),
        routeAdd({ destination: '128.0.0.0/1', gateway: '192.0.2.1', linkIndex, table: 9 }),
        routeAdd({ destination: '10.0.0.0/8', gateway: '192.0.2.1', linkIndex }),
        routeAdd({ destination: '::/0', gateway: '2001:db8::1', linkIndex }),
      );
      expect(await socket.routesAsync()).toEqual(socket.routes());
      expect(await socket.addressesAsync({ family: 4 })).toEqual(socket.addresses({ family: 4 }));
      const destinations = (longestPrefix: number) =>
        socket.routes({ longestPrefix }).map(({ destination }) => destination);
      expect(destinations(1)).toEqual(expect.arrayContaining(['0.0.0.0/0', '128.0.0.0/1', '::/0']));
      expect(destinations(1)).toHaveLength(3);
      expect(destinations(0)).toEqual(['0.0.0.0/0', '::/0']);
    }));

  it('are added as they were asked for', () =>
    withLink((socket, linkIndex) => {
      socket.execute(
        routeAdd({ destination: '0.0.0.0/0', gateway: '192.0.2.1', metric: 100, linkIndex }),
        routeAdd({
          destination: '10.1.0.0/16',
          linkIndex,
          source: '192.0.2.10',
          mtu: 1300,
          advertisedMss: 1200,
        }),
        routeAdd({
          destination: '10.2.0.0/16',
          gateway: '203.0.113.1',
          onlink: true,
          linkIndex,
          protocol: 16,
        }),
        routeAdd({ destination: '10.3.0.0/16', gateway: '2001:db8::1', linkIndex }),
        routeAdd({ destination: '10.4.0.0/16', type: 'unreachable', metric: 7 }),
        routeAdd({ destination: '::/0', gateway: '2001:db8::1', linkIndex }),
      );
      const routes = socket.routes({ table: 254 }).filter(({ protocol }) => protocol !== 2);
      expect(routes).toMatchObject([
        {
          destination: '0.0.0.0/0',
          gateway: '192.0.2.1',
          metric: 100,
          linkIndex,
          scope: 'global',
          protocol: 4,
        },
        {
          destination: '10.1.0.0/16',
          linkIndex,
          source: '192.0.2.10',
          mtu: 1300,
          advertisedMss: 1200,
          scope: 'link',
        },
        { destination: '10.2.0.0/16', gateway: '203.0.113.1', onlink: true, protocol: 16 },
        { destination: '10.3.0.0/16', gateway: '2001:db8::1', family: 4 },
        { destination: '10.4.0.0/16', type: 'unreachable', metric: 7 },
        { destination: '::/0', gateway: '2001:db8::1', family: 6 },
      ]);
    }));

  it('are added again from what was read', () =>
    withLink((socket, linkIndex, otherIndex) => {
      socket.execute(
        routeAdd({ destination: '0.0.0.0/0', gateway: '192.0.2.1', metric: 100, linkIndex }),
        routeAdd({ destination: '10.3.0.0/16', gateway: '2001:db8::1', linkIndex }),
        routeAdd({
          destination: '10.5.0.0/16',
          nexthops: [
            { linkIndex, gateway: '192.0.2.1', weight: 1 },
            { linkIndex: otherIndex, gateway: '198.51.100.1', weight: 20 },
          ],
        }),
        routeAdd({ destination: '2001:db8:5::/48', gateway: '2001:db8::1', linkIndex, metric: 5, mtu: 1400 }),
      );
      const own = () => socket.routes().filter(({ protocol }) => protocol === 4);
      const before = own();
      expect(before).toHaveLength(4);
      expect(before.find(({ nexthops }) => nexthops !== undefined)?.nexthops).toEqual([
        { linkIndex, gateway: '192.0.2.1', weight: 1 },
        { linkIndex: otherIndex, gateway: '198.51.100.1', weight: 20 },
      ]);
      socket.execute(...before.map(routeDelete));
      expect(own()).toEqual([]);
      socket.execute(...before.map(routeReplace), ...before.map(routeReplace));
      expect(own()).toEqual(before);
    }));

  it('live in tables of any number, which filters tell apart', () =>
    withLink((socket, linkIndex, otherIndex) => {
      const destination = '10.1.0.0/16';
      socket.execute(
        routeAdd({ destination, linkIndex, table: 100 }),
        routeAdd({ destination, linkIndex: otherIndex, table: 4_000_000_000 }),
      );
      expect(socket.routes({ table: 100 })).toMatchObject([{ destination, linkIndex, table: 100 }]);
      expect(socket.routes({ table: 4_000_000_000 })).toMatchObject([
        { linkIndex: otherIndex, table: 4_000_000_000 },
      ]);
      expect(socket.routes({ table: 12345 })).toEqual([]);
      expect(socket.routes({ linkIndex: otherIndex, table: 100 })).toEqual([]);
      expect(socket.routes({ family: 6 }).every(({ family }) => family === 6)).toBe(true);
      socket.execute(routeDelete({ destination, table: 100 }));
      expect(socket.routes({ table: 100 })).toEqual([]);
    }));

  it('are refused with the words of the kernel', () =>
    withLink((socket, linkIndex) => {
      const add = routeAdd({ destination: '10.1.0.0/16', gateway: '203.0.113.1', linkIndex });
      expect(() => socket.execute(add)).toThrow(
        expect.objectContaining({
          operation: 'route add',
          code: 'ENETUNREACH',
          extack: 'Nexthop has invalid gateway',
        }),
      );
      const twice = routeAdd({ destination: '10.2.0.0/16', linkIndex });
      expect(() => socket.execute(twice, twice)).toThrow(
        expect.objectContaining({ code: 'EEXIST', messageIndex: 1 }),
      );
      expect(() => socket.execute(routeDelete({ destination: '10.9.0.0/16' }))).toThrow(
        expect.objectContaining({ code: 'ESRCH' }),
      );
    }));
});
