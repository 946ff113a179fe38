import { describe, expect, it } from 'vitest';
import {
  type Address,
  addressAdd,
  addressDelete,
  addressFlags,
  addressReplace,
  linkSet,
  NetlinkError,
  RouteSocket,
} from '../../index.ts';
import { withNamespaces } from '../../testing/index.ts';

/** A socket in a new namespace with a veth pair whose ends are up. */
function withLink<T>(test: (socket: RouteSocket, linkIndex: number) => T): Promise<T> {
  return withNamespaces(([host]) => {
    using socket = RouteSocket.open({ namespace: host });
    const { index, parent = 0 } = socket.createLink({ name: 'a', kind: { kind: 'veth' } });
    socket.execute(
      linkSet(index, { ipv6AddressGeneration: 'none' }),
      linkSet(parent, { up: true }),
      linkSet(index, { up: true }),
    );
    return test(socket, index);
  });
}

describe('addresses', () => {
  it('are added as they were asked for', () =>
    withLink((socket, linkIndex) => {
      socket.execute(
        addressAdd({ linkIndex, address: '192.0.2.10/24', broadcast: 'auto', label: 'a:one', metric: 50 }),
        addressAdd({ linkIndex, address: '198.51.100.1/32', peer: '198.51.100.2', scope: 'link' }),
        addressAdd({ linkIndex, address: '203.0.113.5/24', flags: addressFlags.noprefixroute }),
        addressAdd({ linkIndex, address: '2001:db8::5/64', flags: addressFlags.nodad }),
        addressAdd({
          linkIndex,
          address: '2001:db8:1::5/128',
          peer: '2001:db8:1::6',
          flags: addressFlags.nodad,
        }),
        addressAdd({
          linkIndex,
          address: '10.9.9.9/24',
          validLifetime: 3600,
          preferredLifetime: 60,
          protocol: 77,
        }),
      );
      const inOrder = (one: Address, other: Address) => (one.address < other.address ? -1 : 1);
      expect(socket.addresses({ linkIndex }).sort(inOrder)).toMatchObject([
        { address: '10.9.9.9/24', validLifetime: 3600, preferredLifetime: 60, protocol: 77, flags: 0 },
        {
          address: '192.0.2.10/24',
          family: 4,
          broadcast: '192.0.2.255',
          label: 'a:one',
          metric: 50,
          scope: 'global',
          flags: addressFlags.permanent,
        },
        { address: '198.51.100.1/32', peer: '198.51.100.2', scope: 'link' },
        { address: '2001:db8:1::5/128', peer: '2001:db8:1::6' },
        { address: '2001:db8::5/64', family: 6, flags: addressFlags.permanent | addressFlags.nodad },
        { address: '203.0.113.5/24', flags: addressFlags.permanent | addressFlags.noprefixroute },
      ]);
      const destinations = socket.routes({ linkIndex, table: 254 }).map(({ destination }) => destination);
      expect(destinations).toContain('192.0.2.0/24');
      expect(destinations).not.toContain('203.0.113.0/24');
    }));

  it('are added again from what was read', () =>
    withLink((socket, linkIndex) => {
      socket.execute(
        addressAdd({ linkIndex, address: '192.0.2.10/24', broadcast: 'auto', label: 'a:one' }),
        addressAdd({ linkIndex, address: '198.51.100.1/32', peer: '198.51.100.2' }),
        addressAdd({ linkIndex, address: '2001:db8::5/64', flags: addressFlags.nodad }),
      );
      const before = socket.addresses({ linkIndex });
      socket.execute(...before.map(addressDelete));
      expect(socket.addresses({ linkIndex })).toEqual([]);
      socket.execute(...before.map(addressAdd));
      expect(socket.addresses({ linkIndex })).toEqual(before);
    }));

  it('can be replaced and deleted, and not added twice', () =>
    withLink((socket, linkIndex) => {
      const address = '192.0.2.10/24';
      socket.execute(addressAdd({ linkIndex, address }));
      expect(() => socket.execute(addressAdd({ linkIndex, address }))).toThrow(
        expect.objectContaining({ code: 'EEXIST', operation: 'address add' }),
      );
      socket.execute(addressReplace({ linkIndex, address, validLifetime: 100, preferredLifetime: 100 }));
      expect(socket.addresses({ linkIndex })).toMatchObject([{ validLifetime: 100 }]);
      socket.execute(addressDelete({ linkIndex, address }));
      expect(() => socket.execute(addressDelete({ linkIndex, address }))).toThrow(NetlinkError);
    }));

  it('are filtered by link and family', () =>
    withLink((socket, linkIndex) => {
      socket.execute(linkSet(1, { up: true }), addressAdd({ linkIndex, address: '192.0.2.10/24' }));
      expect(socket.addresses({ linkIndex: 1 }).map(({ address }) => address)).toEqual([
        '127.0.0.1/8',
        '::1/128',
      ]);
      expect(socket.addresses({ family: 4 }).map(({ address }) => address)).toEqual([
        '127.0.0.1/8',
        '192.0.2.10/24',
      ]);
      expect(socket.addresses({ linkIndex: 1, family: 6 })).toMatchObject([{ scope: 'host' }]);
      expect(socket.addresses({ linkIndex: 4711 })).toEqual([]);
    }));
});
