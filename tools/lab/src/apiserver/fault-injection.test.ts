import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exampleSlice, failure, PATHS, temporaryServer } from './example-objects.ts';
import { ApiRequestError } from './lab-api-client.ts';
import type { LabApiServer } from './lab-api-server.ts';

let server: LabApiServer & AsyncDisposable;

beforeEach(async () => {
  server = await temporaryServer();
});
afterEach(() => server[Symbol.asyncDispose]());

const list = () => server.client().list(PATHS.slices);

describe('injected faults', () => {
  it('answer with a status and Retry-After, as often as told', async () => {
    const injection = server.inject({
      verb: 'list',
      path: /resourceslices$/,
      times: 2,
      fault: { kind: 'status', code: 429, reason: 'TooManyRequests', retryAfter: 3 },
    });
    const error = await list().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ApiRequestError);
    expect(error).toMatchObject({ code: 429, retryAfter: 3, status: { reason: 'TooManyRequests' } });
    await failure(list());
    await list();
    expect(injection.hits).toBe(2);
  });

  it('apply to what they match and end when removed', async () => {
    const injection = server.inject({ method: 'POST', fault: { kind: 'status', code: 500 } });
    await list();
    const create = () =>
      server.client().request({ method: 'POST', path: PATHS.slices, body: exampleSlice('s', []) });
    expect(await failure(create())).toMatchObject({ code: 500 });
    injection.remove();
    await create();
  });

  it('delay, hang and cut connections', async () => {
    server.inject({ times: 1, fault: { kind: 'delay', milliseconds: 60 } });
    const start = performance.now();
    await list();
    expect(performance.now() - start).toBeGreaterThan(50);
    server.inject({ times: 1, fault: { kind: 'reset' } });
    await expect(list()).rejects.toThrow(/socket hang up|ECONNRESET/);
    server.inject({ times: 1, fault: { kind: 'hang' } });
    const signal = AbortSignal.timeout(60);
    await expect(
      server.client().request({ method: 'GET', path: PATHS.slices, signal }),
    ).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('cut the connection after the work is done', async () => {
    server.inject({ verb: 'create', times: 1, fault: { kind: 'resetAfter' } });
    const create = server
      .client()
      .request({ method: 'POST', path: PATHS.slices, body: exampleSlice('s', []) });
    await expect(create).rejects.toThrow(/socket hang up|ECONNRESET/);
    expect((await list()).items).toHaveLength(1);
  });

  it('keep a watch silent from its start', async () => {
    server.inject({ verb: 'watch', fault: { kind: 'silentWatch' } });
    const stop = new AbortController();
    const next = server.client().watch({ path: PATHS.slices, signal: stop.signal }).next();
    await server.client().request({ method: 'POST', path: PATHS.slices, body: exampleSlice('s', []) });
    const quiet = new Promise((resolve) => setTimeout(() => resolve('nothing'), 80));
    expect(await Promise.race([next, quiet])).toBe('nothing');
    stop.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });
});
