import { describe, expect, it } from 'vitest';
import {
  addressAdd,
  linkSet,
  nexthopObjectAdd,
  nexthopObjectDelete,
  nexthopObjectReplace,
  routeAdd,
  RouteSocket,
} from '../../index.ts';
import { withNamespaces } from '../../testing/index.ts';

function withLink<T>(test: (socket: RouteSocket, linkIndex: number) => T): Promise<T> {
  return withNamespaces(([host]) => {
    using socket = RouteSocket.open({ namespace: host });
    const { index, parent = 0 } = socket.createLink({ name: 'a', kind: { kind: 'veth' }, up: true });
    socket.execute(
      linkSet(1, { up: true }),
      linkSet(parent, { up: true }),
      addressAdd({ linkIndex: index, address: '192.0.2.10/24' }),
    );
    return test(socket, index);
  });
}

describe('next-hop objects', () => {
  it('are added again from what was read, alone and in groups, and carry routes', () =>
    withLink((socket, linkIndex) => {
      const common = { family: 4, protocol: 4, linkIndex } as const;
      socket.execute(
        nexthopObjectAdd({ ...common, id: 5, gateway: '192.0.2.1' }),
        nexthopObjectAdd({ ...common, id: 6, gateway: '198.51.100.1', onlink: true }),
        nexthopObjectAdd({ id: 7, family: 6, protocol: 16, blackhole: true }),
        nexthopObjectAdd({
          id: 10,
          protocol: 4,
          group: [
            { id: 5, weight: 1 },
            { id: 6, weight: 200 },
          ],
        }),
        nexthopObjectAdd({
          ...{ id: 11, protocol: 4, group: [{ id: 5, weight: 1 }] },
          resilient: { buckets: 32, idleTimer: 6000, unbalancedTimer: 0 },
        }),
        routeAdd({ destination: '10.1.0.0/16', nexthopId: 10 }),
      );
      const before = socket.nexthopObjects();
      expect(before).toHaveLength(5);
      expect(before).toMatchObject([
        { id: 5, gateway: '192.0.2.1', linkIndex },
        { id: 6, onlink: true },
        { id: 7, family: 6, blackhole: true, protocol: 16 },
        {
          id: 10,
          group: [
            { id: 5, weight: 1 },
            { id: 6, weight: 200 },
          ],
        },
        { id: 11, resilient: { buckets: 32, idleTimer: 6000 } },
      ]);
      const route = () => socket.routes().find(({ destination }) => destination === '10.1.0.0/16');
      expect(route()).toMatchObject({ nexthopId: 10, nexthops: [{ gateway: '192.0.2.1' }, { weight: 200 }] });
      socket.execute(...before.toReversed().map(nexthopObjectDelete));
      expect(socket.nexthopObjects()).toEqual([]);
      expect(route()).toBeUndefined();
      socket.execute(...before.map(nexthopObjectAdd), ...before.map(nexthopObjectReplace));
      expect(socket.nexthopObjects()).toEqual(before);
    }));

  it('vanish with their link, and from the groups that they are in', () =>
    withLink((socket, linkIndex) => {
      socket.execute(
        nexthopObjectAdd({ family: 4, protocol: 4, id: 5, linkIndex, gateway: '192.0.2.1' }),
        nexthopObjectAdd({ family: 4, protocol: 4, id: 6, blackhole: true }),
        nexthopObjectAdd({ id: 10, protocol: 4, group: [{ id: 5, weight: 1 }] }),
        linkSet(linkIndex, { up: false }),
      );
      expect(socket.nexthopObjects().map(({ id }) => id)).toEqual([6]);
    }));
});
