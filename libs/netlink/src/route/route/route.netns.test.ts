import { describe, expect, it } from 'vitest';
import {
  addressAdd,
  addressFlags,
  linkSet,
  routeAdd,
  routeAppend,
  routeDelete,
  routePrepend,
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

  it('keep tunnels, realms, metrics and lifetimes when they are added again from what was read', () =>
    withLink((socket, linkIndex) => {
      const gateway = '192.0.2.1';
      // `LWTUNNEL_IP_ID` and `LWTUNNEL_IP_DST`, the latter 192.0.2.99.
      const ipTunnel = { type: 2, attributes: '0c0001000000000000000064' + '08000200c0000263' };
      const metrics = {
        lock: 1 << 2,
        ...{ window: 4000, rtt: 100, rttVariance: 50, slowStartThreshold: 9, congestionWindow: 30 },
        ...{ reordering: 5, hopLimit: 33, initialCongestionWindow: 10, features: 1, minimalRto: 50 },
        ...{ initialReceiveWindow: 20, quickAck: 1, congestionControl: 'cubic' },
      };
      socket.execute(
        routeAdd({ destination: '10.1.0.0/16', gateway, linkIndex, metrics, mtu: 1400 }),
        routeAdd({ destination: '10.2.0.0/16', gateway, linkIndex, encap: ipTunnel, realms: 0x3_0005 }),
        routeAdd({
          destination: '10.3.0.0/16',
          nexthops: [
            { linkIndex, gateway, weight: 1, encap: ipTunnel },
            { linkIndex, gateway: '192.0.2.3', weight: 2, realms: 7 },
          ],
        }),
        routeAdd({ destination: '2001:db8:5::/48', gateway: '2001:db8::1', linkIndex, expires: 1000 }),
      );
      const own = () => socket.routes({ linkIndex }).filter(({ protocol }) => protocol === 4);
      const before = own();
      expect(before).toMatchObject([
        { mtu: 1400, metrics },
        { encap: { type: 2 }, realms: 0x3_0005 },
        { nexthops: [{ encap: { type: 2 } }, { realms: 7 }] },
        { expires: 1000 },
      ]);
      expect(before[1]?.encap?.attributes).toContain(ipTunnel.attributes.slice(0, 24));
      socket.execute(...before.map(routeDelete));
      expect(own()).toEqual([]);
      socket.execute(...before.map(routeAdd));
      expect(own()).toEqual(before);
    }));

  it('to one destination are kept in the order that appending and prepending give', () =>
    withLink((socket, linkIndex) => {
      const to = (gateway: string) => ({ destination: '10.1.0.0/16', gateway, linkIndex });
      socket.execute(
        routeAdd(to('192.0.2.1')),
        routeAppend(to('192.0.2.2')),
        routePrepend(to('192.0.2.3')),
        routeAdd({ destination: '2001:db8:5::/48', gateway: '2001:db8::1', linkIndex }),
        routeAppend({ destination: '2001:db8:5::/48', gateway: '2001:db8::2', linkIndex }),
      );
      const routes = socket.routes({ linkIndex }).filter(({ protocol }) => protocol === 4);
      expect(routes.map(({ gateway }) => gateway)).toEqual([
        '192.0.2.3',
        '192.0.2.1',
        '192.0.2.2',
        undefined,
      ]);
      expect(routes.at(-1)?.nexthops?.map(({ gateway }) => gateway)).toEqual(['2001:db8::1', '2001:db8::2']);
      expect(() => socket.execute(routeAppend(to('192.0.2.2')))).toThrow(
        expect.objectContaining({ code: 'EEXIST' }),
      );
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
