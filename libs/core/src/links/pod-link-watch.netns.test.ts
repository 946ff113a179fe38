import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { linkDelete, linkSet, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Logger, silentLogger } from '../logging/logger.ts';
import type { PodLinkState } from './pod-link-state.ts';
import { type NamespaceNumbers, PodLinkWatch } from './pod-link-watch.ts';

/** Index of the link in the pod; another one than its peer's, or the kernel takes its time to tell of the carrier. */
const linkIndex = 77;
const soon = { timeout: 1000, interval: 5 };
const up: PodLinkState = { kind: 'up' };
const gone: PodLinkState = { kind: 'gone' };
const noCarrier: PodLinkState = { kind: 'no-carrier', operState: 'down' };

let host: RouteSocket;
let pod: NetworkNamespace;
let directory: string;
/** The pod's namespace is mounted here, as runtimes do. */
let path: string;
let watch: PodLinkWatch;
let told: (readonly [string, PodLinkState])[];

beforeEach(() => {
  host = RouteSocket.open();
  directory = mkdtempSync(join(tmpdir(), 'pod-link-watch-'));
  path = join(directory, 'pod');
  pod = NetworkNamespace.create();
  pod.pin(path);
  plug(pod);
  told = [];
  watch = PodLinkWatch.open(host, silentLogger);
  watch.onChange((key, state) => void told.push([key, state]));
});
afterEach(async () => {
  watch.close();
  pod.close();
  for (const name of readdirSync(directory)) NetworkNamespace.unpin(join(directory, name));
  rmSync(directory, { recursive: true });
  await vi.waitFor(() => expect(host.links().map(({ name }) => name)).toEqual(['lo']), soon);
  host.close();
});

/** Moves the end of a cable into a pod as `net1`; the other end is `port0` on the host. Both are up. */
function plug(into: NetworkNamespace, port = 'port0'): void {
  const { index } = host.createLink({
    name: 'nic',
    index: linkIndex,
    kind: { kind: 'veth', peer: { name: port } },
  });
  host.execute(linkSet(index, { namespace: into, name: 'net1', up: true }));
  const end = host.link({ name: port });
  if (end === undefined) throw new Error(`${port} is missing`);
  host.execute(linkSet(end.index, { up: true }));
  inside(into, (socket) => socket.execute(linkSet(linkIndex, { up: true })));
}

function inside<T>(namespace: NetworkNamespace, work: (socket: RouteSocket) => T): T {
  using socket = RouteSocket.open({ namespace });
  return work(socket);
}

/** Plugs the cable in on the host's side, or pulls it. */
function cable(plugged: boolean): void {
  host.execute(linkSet(host.link({ name: 'port0' })?.index ?? 0, { up: plugged }));
}

/** Kills the pod as a runtime does: its mount goes, and nobody else has its namespace. */
function killPod(): void {
  pod.close();
  NetworkNamespace.unpin(path);
}

async function watched(key = 'nic'): Promise<void> {
  watch.watch(key, { networkNamespacePath: path, linkIndex });
  await vi.waitFor(() => expect(watch.state(key)).toEqual(up), soon);
}

function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

describe('a link in a pod', () => {
  it('is told as it is, and then with each change', async () => {
    watch.watch('nic', { networkNamespacePath: path, linkIndex });
    expect(told).toEqual([]);
    await vi.waitFor(() => expect(told).toEqual([['nic', up]]), soon);
    cable(false);
    await vi.waitFor(() => expect(told.at(-1)).toEqual(['nic', noCarrier]), soon);
    cable(true);
    await vi.waitFor(() => expect(told.at(-1)).toEqual(['nic', up]), soon);
    inside(pod, (socket) => socket.execute(linkSet(linkIndex, { up: false })));
    await vi.waitFor(() => expect(told.at(-1)).toEqual(['nic', { kind: 'down' }]), soon);
    inside(pod, (socket) => socket.execute(linkSet(linkIndex, { up: true })));
    await vi.waitFor(() => expect(told.at(-1)).toEqual(['nic', up]), soon);
    inside(pod, (socket) => socket.execute(linkSet(linkIndex, { alias: 'a change that is none' })));
    inside(pod, (socket) => socket.execute(linkDelete({ index: linkIndex })));
    await vi.waitFor(() => expect(told.at(-1)).toEqual(['nic', gone]), soon);
    const kinds = told.map(([, { kind }]) => kind);
    expect(kinds.filter((kind, place) => kind === kinds[place - 1] && kind !== 'no-carrier')).toEqual([]);
  });

  it('is first told without a carrier when it has none', async () => {
    cable(false);
    await vi.waitFor(() =>
      expect(inside(pod, (socket) => socket.link({ name: 'net1' })?.carrier)).toBe(false),
    );
    watch.watch('nic', { networkNamespacePath: path, linkIndex });
    await vi.waitFor(() => expect(told).toEqual([['nic', noCarrier]]), soon);
  });

  it('is gone while it is in another namespace, and back when it is', async () => {
    await watched();
    using other = NetworkNamespace.create();
    await inside(pod, (socket) => socket.executeAsync(linkSet(linkIndex, { namespace: other })));
    await vi.waitFor(() => expect(told.at(-1)).toEqual(['nic', gone]), soon);
    await inside(other, (socket) => socket.executeAsync(linkSet(linkIndex, { namespace: pod, up: true })));
    await vi.waitFor(() => expect(told.at(-1)).toEqual(['nic', up]), soon);
  });

  it('may be the host', async () => {
    const port = host.link({ name: 'port0' })?.index ?? 0;
    watch.watch('port', { networkNamespacePath: '/proc/thread-self/ns/net', linkIndex: port });
    await vi.waitFor(() => expect(told).toEqual([['port', up]]), soon);
    host.execute(linkSet(port, { up: false }));
    await vi.waitFor(() => expect(told.at(-1)).toEqual(['port', { kind: 'down' }]), soon);
  });

  it('is told by each of its keys, and by none that is forgotten', async () => {
    await watched('one');
    await watched('two');
    watch.watch('three', { networkNamespacePath: path, linkIndex });
    watch.unwatch('three');
    watch.unwatch('one');
    watch.unwatch('one');
    cable(false);
    await vi.waitFor(() => expect(watch.state('two')).toEqual(noCarrier), soon);
    await sleep(50);
    expect(told).toEqual([
      ['one', up],
      ['two', up],
      ['two', noCarrier],
    ]);
    expect(watch.state('one')).toBeUndefined();
  });

  it('is another one when its key is used again', async () => {
    await watched();
    watch.watch('nic', { networkNamespacePath: path, linkIndex: 1 });
    await vi.waitFor(() => expect(told.at(-1)).toEqual(['nic', { kind: 'down' }]), soon);
    cable(false);
    await sleep(50);
    expect(told).toHaveLength(2);
  });

  it('is not told of by a watch that was closed', async () => {
    await watched();
    watch.close();
    watch.close();
    cable(false);
    await sleep(50);
    expect(told).toEqual([['nic', up]]);
  });
});

describe('a link that cannot be read', () => {
  it('is reported, and tried again until it can', async () => {
    const warnings: object[] = [];
    const logger: Logger = { ...silentLogger, warn: (fields) => warnings.push(fields) };
    let failures = 1;
    const numbers: NamespaceNumbers = {
      assignNamespaceId(namespace) {
        if (failures-- > 0) throw new Error('no memory');
        return host.assignNamespaceId(namespace);
      },
    };
    using failing = PodLinkWatch.open(numbers, logger);
    const before = openFiles();
    failing.watch('nic', { networkNamespacePath: path, linkIndex });
    await vi.waitFor(() => expect(failing.state('nic')).toEqual(up), { timeout: 3000 });
    expect(warnings).toEqual([expect.objectContaining({ link: 'nic', linkIndex, error: 'no memory' })]);
    expect(openFiles()).toBe(before);
  });
});

describe('a pod that dies', () => {
  it('takes its namespace with it, and the link is gone', async () => {
    await watched();
    killPod();
    await vi.waitFor(() => expect(told.at(-1)).toEqual(['nic', gone]), soon);
    // The host's end of the cable dies with the pod's.
    await vi.waitFor(() => expect(host.link({ name: 'port0' })).toBeUndefined(), soon);
  });

  it('takes its namespace with it in the moment in which its link is read', async () => {
    for (const turns of [0, 1, 2, 3]) {
      watch.watch('nic', { networkNamespacePath: path, linkIndex });
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      killPod();
      await vi.waitFor(() => expect(told.at(-1)).toEqual(['nic', gone]), soon);
      await vi.waitFor(() => expect(host.link({ name: 'port0' })).toBeUndefined(), soon);
      pod = NetworkNamespace.create();
      pod.pin(path);
      plug(pod);
      watch.unwatch('nic');
      told.length = 0;
    }
  });

  it('takes its namespace with it when it was a process', async () => {
    const child = pod.run(() => spawn('sleep', ['60']));
    await once(child, 'spawn');
    watch.watch('nic', { networkNamespacePath: `/proc/${child.pid}/ns/net`, linkIndex });
    await vi.waitFor(() => expect(told).toEqual([['nic', up]]), soon);
    killPod();
    await sleep(50);
    expect(told).toEqual([['nic', up]]);
    child.kill('SIGKILL');
    await vi.waitFor(() => expect(told.at(-1)).toEqual(['nic', gone]), soon);
    await vi.waitFor(() => expect(host.link({ name: 'port0' })).toBeUndefined(), soon);
  });

  it('is not mistaken for the next one, which gets its number and its path', async () => {
    await watched('old');
    const number = host.namespaceId(pod);
    killPod();
    await vi.waitFor(() => expect(host.link({ name: 'port0' })).toBeUndefined(), soon);
    pod = NetworkNamespace.create();
    pod.pin(path);
    plug(pod);
    expect(host.assignNamespaceId(pod)).toBe(number);
    const operState = () => inside(pod, (socket) => socket.link({ index: linkIndex })?.operState);
    await vi.waitFor(() => expect(operState()).toBe('up'), soon);
    await watched('new');
    cable(false);
    await vi.waitFor(() => expect(watch.state('new')).toEqual(noCarrier), soon);
    expect(told).toEqual([
      ['old', up],
      ['old', gone],
      ['new', up],
      ['new', noCarrier],
    ]);
  });

  it('is gone before it is watched', async () => {
    killPod();
    watch.watch('nic', { networkNamespacePath: path, linkIndex });
    watch.watch('file', { networkNamespacePath: '/proc/self/status', linkIndex });
    await vi.waitFor(
      () =>
        expect(told).toEqual([
          ['nic', gone],
          ['file', gone],
        ]),
      soon,
    );
  });

  it('has cost no open file', async () => {
    await watched();
    const before = openFiles();
    for (let number = 0; number < 100; number++) {
      watch.watch(`nic-${number}`, { networkNamespacePath: path, linkIndex });
    }
    await vi.waitFor(() => expect(told).toHaveLength(101), soon);
    expect(openFiles()).toBe(before);
    killPod();
    await vi.waitFor(() => expect(told).toHaveLength(202), soon);
    // The test's own descriptor of the pod is closed, too.
    expect(openFiles()).toBe(before - 1);
  });
});

describe('when events are lost', () => {
  /** More events than the socket holds, in one tick. */
  function flood(noise: NetworkNamespace): void {
    host.assignNamespaceId(noise);
    inside(noise, (socket) => {
      socket.execute(linkSet(1, { up: true }));
      const changes = Array.from({ length: 500 }, (_, number) => linkSet(1, { group: 1 + (number % 2) }));
      for (let round = 0; round < 40; round++) socket.execute(...changes);
    });
  }

  it('links are read again', async () => {
    await watched();
    using noise = NetworkNamespace.create();
    flood(noise);
    inside(pod, (socket) => socket.execute(linkSet(linkIndex, { up: false })));
    await vi.waitFor(() => expect(told.at(-1)).toEqual(['nic', { kind: 'down' }]), soon);
    inside(pod, (socket) => socket.execute(linkSet(linkIndex, { up: true })));
    await vi.waitFor(() => expect(told.at(-1)).toEqual(['nic', up]), soon);
  });

  it('a dead pod is found, also when another one has its number and its path', async () => {
    await watched('old');
    using noise = NetworkNamespace.create();
    flood(noise);
    killPod();
    // Nothing is read meanwhile: the event loop stands still.
    const end = Date.now() + 1000;
    while (host.link({ name: 'port0' }) !== undefined && Date.now() < end);
    pod = NetworkNamespace.create();
    pod.pin(path);
    plug(pod);
    host.assignNamespaceId(pod);
    await vi.waitFor(
      () =>
        expect(told).toEqual([
          ['old', up],
          ['old', gone],
        ]),
      soon,
    );
    cable(false);
    await sleep(50);
    expect(told).toHaveLength(2);
  });
});

describe('a cable that is pulled', () => {
  /** How long it takes in ms until a change of the carrier is told. */
  async function latencies(rounds: number): Promise<number[]> {
    const measured: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const plugged = round % 2 === 1;
      const before = performance.now();
      const heard = new Promise<number>((resolve) => {
        watch.onChange((_key, { kind }) => {
          if ((kind === 'up') === plugged) resolve(performance.now());
        });
      });
      cable(plugged);
      measured.push((await heard) - before);
    }
    return measured;
  }

  it('is told within 100 ms', async () => {
    await watched();
    const measured = await latencies(40);
    expect(Math.max(...measured)).toBeLessThan(100);
  });

  it('is told within 100 ms while there are 10,000 events a second in other namespaces', async () => {
    await watched();
    using noise = NetworkNamespace.create();
    host.assignNamespaceId(noise);
    using socket = RouteSocket.open({ namespace: noise });
    socket.execute(linkSet(1, { up: true }));
    const changes = Array.from({ length: 100 }, (_, number) => linkSet(1, { group: 1 + (number % 2) }));
    const began = performance.now();
    let made = 0;
    const timer = setInterval(() => {
      // As many as are due, also when a turn came late.
      for (const due = ((performance.now() - began) / 1000) * 10_000; made < due; made += changes.length) {
        socket.execute(...changes);
      }
    }, 10);
    try {
      await sleep(200);
      const measured = await latencies(40);
      await sleep(200);
      expect(made).toBeGreaterThan(4000);
      expect(Math.max(...measured)).toBeLessThan(100);
    } finally {
      clearInterval(timer);
    }
  });
});
