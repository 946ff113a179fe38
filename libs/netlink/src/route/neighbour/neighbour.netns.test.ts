import { describe, expect, it } from 'vitest';
import {
  linkSet,
  neighbourAdd,
  neighbourDelete,
  neighbourFlags,
  neighbourReplace,
  neighbourStates,
  RouteSocket,
} from '../../index.ts';
import { withNamespaces } from '../../testing/index.ts';

describe('neighbours', () => {
  it('are added, replaced, deleted, and added again from what was read', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const { index: linkIndex } = socket.createLink({ name: 'a', kind: { kind: 'veth' }, up: true });
      const linkAddress = '02:00:00:00:00:99';
      socket.execute(
        neighbourAdd({ linkIndex, address: '192.0.2.1', linkAddress }),
        neighbourAdd({
          linkIndex,
          address: '2001:db8::1',
          linkAddress,
          flags: neighbourFlags.router,
          protocol: 4,
        }),
      );
      const before = socket.neighbours({ linkIndex });
      expect(before).toMatchObject([
        { address: '192.0.2.1', linkAddress, family: 4, state: neighbourStates.permanent, flags: 0 },
        { address: '2001:db8::1', linkAddress, family: 6, flags: neighbourFlags.router, protocol: 4 },
      ]);
      expect(() => socket.execute(neighbourAdd({ linkIndex, address: '192.0.2.1', linkAddress }))).toThrow(
        expect.objectContaining({ code: 'EEXIST' }),
      );
      const other = '02:00:00:00:00:98';
      socket.execute(neighbourReplace({ linkIndex, address: '192.0.2.1', linkAddress: other }));
      expect(socket.neighbours({ linkIndex, family: 4 })).toMatchObject([{ linkAddress: other }]);
      socket.execute(...before.map(neighbourDelete), ...before.map(neighbourReplace));
      expect(socket.neighbours({ linkIndex })).toEqual(before);
    }));

  it('are listed apart from what this host answers for', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const { index: linkIndex } = socket.createLink({ name: 'a', kind: { kind: 'veth' }, up: true });
      socket.execute(
        linkSet(1, { up: true }),
        neighbourAdd({ linkIndex, address: '192.0.2.7', flags: neighbourFlags.proxy }),
      );
      expect(socket.neighbours({ linkIndex })).toEqual([]);
      expect(socket.neighbours({ linkIndex, proxy: true })).toMatchObject([{ address: '192.0.2.7' }]);
      expect(socket.neighbours({ linkIndex: 4711 })).toEqual([]);
    }));
});
