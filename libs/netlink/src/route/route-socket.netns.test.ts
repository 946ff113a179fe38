import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  addressAdd,
  linkAdd,
  linkDelete,
  linkSet,
  NetlinkError,
  NetworkNamespace,
  RequestInvalidError,
  RouteSocket,
} from '../index.ts';
import { withNamespaces } from '../testing/index.ts';

const openFiles = () => readdirSync('/proc/self/fd').length;

describe('requests in one call', () => {
  it('are carried out in their order in one send', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      socket.execute(
        linkAdd({ name: 'a', kind: { kind: 'veth', peer: { name: 'b' } }, index: 10 }),
        linkSet(10, { up: true, name: 'c' }),
        addressAdd({ linkIndex: 10, address: '192.0.2.1/24' }),
      );
      expect(socket.link({ name: 'c' })).toMatchObject({ index: 10, up: true });
      expect(socket.addresses({ linkIndex: 10, family: 4 })).toHaveLength(1);
      socket.execute();
    }));

  it('are all tried, and the first failure is thrown with its place and the words of the kernel', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const failure = capture(() =>
        socket.execute(
          linkSet(1, { up: true }),
          linkSet(1, { mtu: 0xffff_ffff }),
          linkSet(99, { up: true }),
          linkSet(1, { alias: 'after' }),
        ),
      );
      expect(failure).toBeInstanceOf(NetlinkError);
      expect(failure).toMatchObject({
        operation: 'link set',
        code: 'EINVAL',
        errno: 22,
        messageIndex: 1,
        extack: expect.stringMatching(/mtu/i) as string,
      });
      expect(socket.link({ index: 1 })).toMatchObject({ up: true, alias: 'after' });
    }));

  it('send nothing when one cannot be written', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const requests = [linkSet(1, { up: true }), linkSet(1, { mtu: -1 })];
      expect(capture(() => socket.execute(...requests))).toBeInstanceOf(RequestInvalidError);
      expect(socket.link({ index: 1 })?.up).toBe(false);
      socket.execute(linkSet(1, { up: true }));
      expect(socket.link({ index: 1 })?.up).toBe(true);
    }));

  it('may be a thousand, and may all fail', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const addresses = Array.from({ length: 1000 }, (_, number) =>
        addressAdd({ linkIndex: 1, address: `10.1.${number >> 8}.${number & 255}/32` }),
      );
      socket.execute(linkSet(1, { up: true }), ...addresses);
      expect(socket.addresses({ linkIndex: 1, family: 4 })).toHaveLength(1001);
      expect(capture(() => socket.execute(...addresses))).toMatchObject({ code: 'EEXIST', messageIndex: 0 });
      expect(socket.link({ index: 1 })?.name).toBe('lo');
    }));
});

describe('asynchronous requests', () => {
  it('overlap with each other and with synchronous ones, fifty at a time', () =>
    withNamespaces(async ([host, pod]) => {
      using hostSocket = RouteSocket.open({ namespace: host });
      using podSocket = RouteSocket.open({ namespace: pod });
      const numbers = Array.from({ length: 50 }, (_, number) => number);
      const created = await Promise.all(
        numbers.map((number) =>
          hostSocket.createLinkAsync({
            name: `v${number}`,
            kind: { kind: 'veth', peer: { name: `p${number}` } },
          }),
        ),
      );
      expect(created.map(({ name }) => name)).toEqual(numbers.map((number) => `v${number}`));
      const moves = created.map(({ index }, number) =>
        hostSocket.executeAsync(
          linkSet(index, { namespace: pod, name: `pod${number}`, alias: `number ${number}` }),
        ),
      );
      let rounds = 0;
      const reading = (async () => {
        for (; rounds < 20; rounds++) {
          expect(hostSocket.link({ name: `p${rounds}` })?.name).toBe(`p${rounds}`);
          hostSocket.execute(linkSet(1, { up: rounds % 2 === 0 }));
          await new Promise(setImmediate);
        }
      })();
      await Promise.all([...moves, reading]);
      expect(rounds).toBe(20);
      const moved = podSocket.links().filter(({ kind }) => kind === 'veth');
      expect(moved).toHaveLength(50);
      for (const { name, alias } of moved) expect(`number ${name.slice(3)}`).toBe(alias);
      await Promise.all(moved.map(({ index }) => podSocket.executeAsync(linkDelete({ index }))));
      expect((await hostSocket.linksAsync()).map(({ name }) => name)).toEqual(['lo']);
    }));

  it('fail each for itself', () =>
    withNamespaces(async ([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const results = await Promise.allSettled([
        socket.executeAsync(linkSet(1, { alias: 'good' })),
        socket.executeAsync(linkSet(98, { up: true })),
        socket.executeAsync(linkSet(1, { up: true }), linkSet(99, { up: true })),
        socket.executeAsync(linkSet(1, { mtu: -1 })),
        socket.linkAsync({ name: 'missing' }),
      ]);
      expect(results.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'rejected',
        'rejected',
        'fulfilled',
      ]);
      expect(results[2]).toMatchObject({ reason: { code: 'ENODEV', messageIndex: 1 } });
      expect(results[4]).toEqual({ status: 'fulfilled', value: undefined });
      expect(await socket.linkAsync({ index: 1 })).toMatchObject({ alias: 'good', up: true });
    }));

  it('reach their namespace though it is closed meanwhile', () =>
    withNamespaces(async ([host, pod]) => {
      using socket = RouteSocket.open({ namespace: host });
      const { index } = socket.createLink({ name: 'a', kind: { kind: 'veth', peer: { name: 'b' } } });
      const target = NetworkNamespace.open(pod.path);
      const move = socket.executeAsync(linkSet(index, { namespace: target }));
      target.close();
      // Another file gets the number, if it is free.
      using decoy = NetworkNamespace.create();
      await move;
      using podSocket = RouteSocket.open({ namespace: pod });
      using decoySocket = RouteSocket.open({ namespace: decoy });
      expect(podSocket.link({ name: 'a' })).toBeDefined();
      expect(decoySocket.links()).toHaveLength(1);
    }));

  it('do not hold the event loop up while the kernel waits', () =>
    withNamespaces(async ([host, pod]) => {
      using socket = RouteSocket.open({ namespace: host });
      const { index } = socket.createLink({ name: 'a', kind: { kind: 'veth', peer: { name: 'b' } } });
      let ticks = 0;
      const timer = setInterval(() => ticks++, 1);
      const start = performance.now();
      await socket.executeAsync(linkSet(index, { namespace: pod }));
      const took = performance.now() - start;
      clearInterval(timer);
      expect(ticks).toBeGreaterThan(Math.min(3, took / 3));
    }));

  it('are rejected when they wait for their turn as the socket closes; those that began are finished', () =>
    withNamespaces(async ([host]) => {
      const socket = RouteSocket.open({ namespace: host });
      const before = openFiles();
      const creations = Array.from({ length: 60 }, (_, number) =>
        socket.createLinkAsync({ name: `v${number}`, kind: { kind: 'veth' } }),
      );
      await Promise.resolve();
      socket.close();
      const results = await Promise.allSettled(creations);
      const finished = results.filter(({ status }) => status === 'fulfilled').length;
      expect(finished).toBe(32);
      expect(openFiles()).toBe(before - 1);
      await expect(socket.executeAsync(linkSet(1, {}))).rejects.toThrow('closed');
      using again = RouteSocket.open({ namespace: host });
      expect(again.links()).toHaveLength(1 + 2 * finished);
    }));
});

describe('a route socket', () => {
  it('works on after its namespace object is closed, asynchronously too', () =>
    withNamespaces(async ([host]) => {
      const namespace = NetworkNamespace.open(host.path);
      using socket = RouteSocket.open({ namespace });
      namespace.close();
      socket.execute(linkSet(1, { alias: 'one' }));
      await socket.executeAsync(linkSet(1, { up: true }));
      expect(await socket.linksAsync()).toMatchObject([{ name: 'lo', alias: 'one', up: true }]);
    }));

  it('leaves no descriptor open, a thousand times', () =>
    withNamespaces(async ([host]) => {
      const before = openFiles();
      for (let round = 0; round < 1000; round++) {
        using namespace = NetworkNamespace.open(host.path);
        using socket = RouteSocket.open({ namespace });
        if (round % 100 === 0) await socket.executeAsync(linkSet(1, { up: true }));
        socket.link({ index: 1 });
      }
      expect(openFiles()).toBe(before);
    }));

  it('leaves no descriptor open when opening fails', () => {
    const before = openFiles();
    const file = { fd: 0, path: '/not/a/namespace' };
    for (let round = 0; round < 10; round++)
      expect(() => RouteSocket.open({ namespace: file })).toThrow(/setns/);
    expect(() => NetworkNamespace.open('/dev/null')).toThrow();
    expect(openFiles()).toBe(before);
  });

  it('lists each of five hundred links once while others come and go', () =>
    withNamespaces(async ([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const names = Array.from({ length: 250 }, (_, number) => `stay${number}`);
      socket.execute(...names.map((name) => linkAdd({ name, kind: { kind: 'veth' }, group: 7 })));
      let churning = true;
      const churn = (async () => {
        for (let round = 0; churning; round++) {
          const { index } = await socket.createLinkAsync({ name: `go${round}`, kind: { kind: 'veth' } });
          await socket.executeAsync(linkDelete({ index }));
        }
      })();
      for (let round = 0; round < 10; round++) {
        const links = await socket.linksAsync();
        const indexes = links.map(({ index }) => index);
        expect(new Set(indexes).size).toBe(indexes.length);
        const found = new Set(links.map(({ name }) => name));
        expect(names.every((name) => found.has(name))).toBe(true);
      }
      churning = false;
      await churn;
      await socket.executeAsync(linkDelete({ group: 7 }));
      expect(socket.links()).toHaveLength(1);
    }));
});

function capture(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}
