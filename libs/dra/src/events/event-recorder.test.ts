import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LabApiServer } from '@patchbay/lab';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KubeApi } from '../kube/kube-api.ts';
import { EventRecorder } from './event-recorder.ts';
import type { EventLimits } from './event-recorder.ts';
import type { ObjectEvent, ObjectReference } from './object-event.ts';

const driverName = 'toys.example.com';
const collection = '/apis/events.k8s.io/v1/namespaces/default/events';
const microTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
/** So fast that no test waits for it. */
const fast = { burst: 1000, refillMs: 1 };

interface StoredEvent {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly regarding: ObjectReference;
  readonly eventTime: string;
  readonly reason: string;
  readonly action: string;
  readonly note: string;
  readonly reportingInstance: string;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
}

function pod(name = 'pod-1', more: Partial<ObjectReference> = {}): ObjectReference {
  return { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name, uid: `uid-${name}`, ...more };
}

function failed(more: Partial<ObjectEvent> = {}): ObjectEvent {
  return {
    regarding: pod(),
    type: 'Warning',
    reason: 'AttachFailed',
    action: 'Attaching',
    note: 'no carrier',
    ...more,
  };
}

describe('EventRecorder', () => {
  let directory: string;
  let server: LabApiServer;
  let api: KubeApi;
  let abort: AbortController;
  let running: Promise<void>;
  let recorder: EventRecorder;
  let errors: Error[];
  let warnings: string[];
  let uponError: (() => void) | undefined;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'events-'));
    server = await LabApiServer.start({ directory });
    api = KubeApi.fromKubeConfig(server.kubeconfigPath);
    abort = new AbortController();
    start({ perObjectAndReason: fast, altogether: fast });
  });
  afterEach(async () => {
    abort.abort();
    await running;
    api.close();
    await server.stop();
    rmSync(directory, { recursive: true });
  });

  /** Replaces the recorder. */
  function start(limits: EventLimits, run = true): void {
    errors = [];
    warnings = [];
    uponError = undefined;
    recorder = new EventRecorder({
      ...{ api, driverName, nodeName: 'worker', limits, backoff: { initialMs: 2, maximumMs: 10 } },
      onError: (error) => {
        errors.push(error);
        uponError?.();
      },
      logger: {
        debug: () => undefined,
        info: () => undefined,
        warn: (_fields, message) => warnings.push(message),
        error: () => undefined,
      },
    });
    running = run ? recorder.run(abort.signal) : Promise.resolve();
  }

  async function record(...events: ObjectEvent[]): Promise<void> {
    for (const event of events) recorder.record(event);
    await recorder.settled();
  }

  async function stored(path = collection): Promise<StoredEvent[]> {
    const { items } = await api.request<{ items: StoredEvent[] }>({ method: 'GET', path });
    return items;
  }

  const writes = () => server.requests.filter(({ method }) => method !== 'GET');

  it('writes an event about a pod, as kubectl shows it', async () => {
    await record(failed());
    const [event, ...more] = await stored();
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      metadata: { name: expect.stringMatching(/^pod-1\.[0-9a-f]{16}$/), namespace: 'default' },
      eventTime: expect.stringMatching(microTime),
      reportingController: driverName,
      reportingInstance: 'worker',
      regarding: pod(),
      type: 'Warning',
      reason: 'AttachFailed',
      action: 'Attaching',
      note: 'no carrier',
    });
    expect(event).not.toHaveProperty('series');
    // What `kubectl describe pod` asks for.
    const client = server.client();
    const query = { fieldSelector: 'involvedObject.name=pod-1,involvedObject.uid=uid-pod-1' };
    const described = await client.list('/api/v1/namespaces/default/events', query);
    client.close();
    expect(described.items).toMatchObject([{ message: 'no carrier', reason: 'AttachFailed' }]);
    expect(writes().map(({ method, path }) => `${method} ${path}`)).toEqual([`POST ${collection}`]);
  });

  it('equal events are one object that counts them', async () => {
    await record(failed());
    const [before] = await stored();
    await record(failed());
    expect(writes().map(({ method }) => method)).toEqual(['POST', 'PATCH']);
    for (let i = 0; i < 20; i++) recorder.record(failed());
    await recorder.settled();
    const events = await stored();
    expect(events).toHaveLength(1);
    expect(events[0]?.eventTime).toBe(before?.eventTime);
    expect(events[0]?.series).toEqual({ count: 22, lastObservedTime: expect.stringMatching(microTime) });
    expect(events[0]!.series!.lastObservedTime >= events[0]!.eventTime).toBe(true);
    // What came while a write was under way went out together.
    expect(writes().length).toBeLessThan(8);
  });

  it.each([
    ['regarding', { regarding: pod('pod-2') }],
    ['uid', { regarding: pod('pod-1', { uid: 'uid-later' }) }],
    ['type', { type: 'Normal' as const }],
    ['reason', { reason: 'DetachFailed' }],
    ['action', { action: 'Detaching' }],
    ['note', { note: 'no such device' }],
  ])('events that differ in %s are told apart', async (_what, other) => {
    await record(failed(), failed(other), failed());
    const counts = (await stored()).map(({ series }) => series?.count ?? 1);
    expect(counts.sort()).toEqual([1, 2]);
  });

  it('what occurs again much later is a new event', async () => {
    start({ seriesEndsAfterMs: 20 });
    await record(failed());
    await new Promise((resolve) => setTimeout(resolve, 30));
    await record(failed());
    const events = await stored();
    expect(events.map(({ series }) => series)).toEqual([undefined, undefined]);
    expect(new Set(events.map(({ metadata }) => metadata.name)).size).toBe(2);
  });

  it('an event that the API server has forgotten is written again with its count', async () => {
    await record(failed(), failed());
    const [{ metadata }] = (await stored()) as [StoredEvent];
    await api.request({ method: 'DELETE', path: `${collection}/${metadata.name}` });
    await record(failed());
    expect(await stored()).toMatchObject([{ metadata: { name: metadata.name }, series: { count: 3 } }]);
    expect(errors).toEqual([]);
  });

  it('names stay different, also for many at once and for names that are too long or none', async () => {
    const names = ['x'.repeat(253), `${'y'.repeat(235)}-${'y'.repeat(10)}`, 'system:node', 'pod-1'];
    const events = names.flatMap((name) =>
      Array.from({ length: 20 }, (_, i) => failed({ regarding: pod(name), note: `${i}` })),
    );
    await record(...events);
    const written = (await stored()).map(({ metadata }) => metadata.name);
    expect(new Set(written).size).toBe(80);
    for (const name of written) {
      expect(name.length).toBeLessThanOrEqual(253);
      expect(name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?\.[0-9a-f]{16}$/);
    }
    expect(written.filter((name) => name.startsWith('event.'))).toHaveLength(20);
  });

  it('too long texts are cut in whole characters, and empty words are none', async () => {
    await record(
      failed({ note: 'ü'.repeat(600), reason: 'R'.repeat(200), action: '' }),
      failed({ note: 'x'.repeat(1024), reason: '' }),
    );
    const events = (await stored()).sort((a, b) => (a.action < b.action ? 1 : -1));
    expect(events).toHaveLength(2);
    expect(events.map(({ action, reason }) => [action, reason])).toEqual([
      ['Unknown', `${'R'.repeat(125)}…`],
      ['Attaching', 'Unknown'],
    ]);
    expect(events[0]?.note).toBe(`${'ü'.repeat(510)}…`);
    expect(events[1]?.note).toBe('x'.repeat(1024));
    expect(errors).toEqual([]);
  });

  it('an event about an object without namespace is in the default one', async () => {
    const node = { apiVersion: 'v1', kind: 'Node', name: 'worker', uid: 'uid-worker' };
    await record(failed({ regarding: node }));
    expect((await stored())[0]).toMatchObject({ metadata: { namespace: 'default' }, regarding: node });
  });

  it('of one object’s events for one reason the burst is written, and more new ones are dropped', async () => {
    start({ perObjectAndReason: { burst: 3, refillMs: 60_000 } });
    await record(...Array.from({ length: 10 }, (_, i) => failed({ note: `${i}` })));
    expect((await stored()).map(({ note }) => note).sort()).toEqual(['0', '1', '2']);
    await record(failed({ reason: 'Other' }), failed({ regarding: pod('pod-2') }));
    expect(await stored()).toHaveLength(5);
    expect(errors).toEqual([]);
  });

  it('counts beyond the burst are told later, all together, and nobody waits for them', async () => {
    start({ perObjectAndReason: { burst: 2, refillMs: 800 } });
    const before = performance.now();
    for (let i = 0; i < 50; i++) await record(failed());
    expect(performance.now() - before).toBeLessThan(700);
    const early = (await stored())[0]!.series!.count;
    expect(early).toBeLessThan(50);
    const counted = async () => (await stored())[0]?.series?.count;
    await expect.poll(counted, { timeout: 5000 }).toBe(50);
    expect(performance.now() - before).toBeGreaterThan(750);
    expect(writes()).toHaveLength(3);
  });

  it('altogether so many are written at once, the others a little later', async () => {
    start({ altogether: { burst: 5, refillMs: 20 } });
    const before = performance.now();
    await record(...Array.from({ length: 15 }, (_, i) => failed({ regarding: pod(`pod-${i}`) })));
    expect(performance.now() - before).toBeGreaterThan(180);
    expect(await stored()).toHaveLength(15);
  });

  it('only so many wait; those that are written make room', async () => {
    start({ remembered: 4 }, false);
    const events = Array.from({ length: 10 }, (_, i) => failed({ regarding: pod(`pod-${i}`) }));
    events.forEach((event) => recorder.record(event));
    running = recorder.run(abort.signal);
    await recorder.settled();
    const names = async () => (await stored()).map(({ regarding }) => regarding.name).sort();
    expect(await names()).toEqual(['pod-0', 'pod-1', 'pod-2', 'pod-3']);
    await record(...events.slice(4, 8));
    expect(await names()).toHaveLength(8);
  });

  it('record returns at once and never throws, and nothing is sent before run', async () => {
    start({}, false);
    recorder.record(failed());
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(writes()).toEqual([]);
    running = recorder.run(abort.signal);
    await recorder.settled();
    expect(await stored()).toHaveLength(1);
  });

  it('what fails for a while is tried again', async () => {
    const faults = [
      { kind: 'status', code: 500 },
      { kind: 'reset' },
      { kind: 'status', code: 429, retryAfter: 0 },
    ] as const;
    for (const fault of faults) server.inject({ method: 'POST', times: 1, fault });
    // The client itself tries once more, with credentials that it has read again.
    server.inject({ method: 'POST', times: 2, fault: { kind: 'status', code: 401 } });
    await record(failed());
    expect(await stored()).toHaveLength(1);
    expect(errors).toHaveLength(4);
    expect(warnings).toEqual([]);
  });

  it('an event whose answer was lost is there once, with the right count', async () => {
    server.inject({ method: 'POST', times: 1, fault: { kind: 'resetAfter' } });
    uponError = () => recorder.record(failed());
    await record(failed());
    expect(errors).toHaveLength(1);
    expect((await stored()).map(({ series }) => series?.count)).toEqual([2]);
  });

  it('gives up after some time, says so once, and writes what comes later', async () => {
    start({ giveUpAfterMs: 300, perObjectAndReason: fast });
    const fault = server.inject({ method: 'POST', fault: { kind: 'status', code: 503 } });
    const before = performance.now();
    await record(failed(), failed({ note: 'another' }));
    expect(performance.now() - before).toBeLessThan(5000);
    expect(fault.hits).toBeGreaterThan(4);
    expect(warnings).toHaveLength(1);
    fault.remove();
    await record(failed());
    expect((await stored()).map(({ note, series }) => [note, series?.count])).toEqual([['no carrier', 2]]);
  });

  it.each([
    ['a missing permission', 403],
    ['a missing namespace', 404],
    ['an event that is refused', 422],
  ])('%s is tried once per event and said once', async (_what, code) => {
    const fault = server.inject({ method: 'POST', fault: { kind: 'status', code } });
    await record(failed(), failed({ note: 'another' }));
    await record(failed());
    expect(fault.hits).toBe(3);
    expect(errors).toHaveLength(3);
    expect(warnings).toHaveLength(1);
    fault.remove();
    await record(failed({ note: 'third' }));
    expect((await stored()).map(({ note }) => note)).toEqual(['third']);
  });

  it('after the end nothing is sent, and whoever waits is released', async () => {
    server.inject({ method: 'POST', fault: { kind: 'hang' } });
    recorder.record(failed());
    const settled = recorder.settled();
    await expect.poll(() => writes().length).toBe(1);
    abort.abort();
    await running;
    await settled;
    await record(failed({ note: 'too late' }));
    expect(writes()).toHaveLength(1);
    start({}, false);
    recorder.record(failed());
    await recorder.run(abort.signal);
    await recorder.settled();
    expect(writes()).toHaveLength(1);
  });
});
