import { linkSet, NetlinkError, type RouteRequest } from '@patchbay/netlink';
import { expect, it } from 'vitest';
import { LinkMoves } from './link-moves.ts';

/** A kernel that refuses some of the requests, by their numbers in one send. */
function kernel(...refused: readonly number[]) {
  const sends: (readonly RouteRequest[])[] = [];
  return {
    sends,
    attemptAsync: async (...requests: readonly RouteRequest[]) => {
      sends.push(requests);
      return refused.map((index) => new NetlinkError('link set', 17, `no ${index}`, index));
    },
  };
}

const [a, b, c, d] = [1, 2, 3, 4].map((index) => linkSet(index, { up: false })) as [
  RouteRequest,
  RouteRequest,
  RouteRequest,
  RouteRequest,
];

it('links that are moved in one turn go to the kernel together, in their order', async () => {
  const host = kernel();
  const moves = new LinkMoves(host);
  await Promise.all([moves.move(a, b), moves.move(c)]);
  await moves.move(d);
  expect(host.sends).toEqual([[a, b, c], [d]]);
});

it('each link hears of what failed for it, and first of what failed first', async () => {
  const moves = new LinkMoves(kernel(1, 2));
  const results = await Promise.allSettled([moves.move(a), moves.move(b, c), moves.move(d)]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(results[1]).toMatchObject({ reason: { messageIndex: 1 } });
});

it('all hear of what kept the send from being made', async () => {
  const moves = new LinkMoves({ attemptAsync: () => Promise.reject(new Error('closed')) });
  const results = await Promise.allSettled([moves.move(a), moves.move(b)]);
  expect(results).toMatchObject([{ reason: { message: 'closed' } }, { reason: { message: 'closed' } }]);
});
