import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeResourceApi } from '../testing/index.ts';
import type { FakeResourceApi } from '../testing/index.ts';
import { ApiError, ApiUnreachableError } from './api-error.ts';
import { KubeApi } from './kube-api.ts';
import { inClusterConnection } from './kube-connection.ts';
import type { WatchEvent } from './kubernetes-object.ts';

const path = '/apis/resource.k8s.io/v1/resourceslices';

describe('KubeApi', () => {
  let fake: FakeResourceApi;
  let directory: string;

  beforeEach(async () => {
    fake = await fakeResourceApi();
    directory = mkdtempSync(join(tmpdir(), 'kube-'));
  });
  afterEach(async () => {
    await fake.stop();
    rmSync(directory, { recursive: true });
  });

  it('sends JSON with credentials and returns the parsed answer', async () => {
    const body = { metadata: { generateName: 'x-' } };
    const created = await fake.api.request<{ metadata: { uid: string } }>({
      method: 'POST',
      path,
      query: { dryRun: undefined, force: true },
      body,
    });
    expect(created.metadata.uid).not.toBe('');
    expect(fake.requests[0]).toMatchObject({ method: 'POST', path, query: { force: 'true' }, body });
    expect(fake.requests[0]?.contentType).toBe('application/json');
  });

  it('an error has status, reason, message, waiting time and body', async () => {
    const status = {
      kind: 'Status',
      reason: 'TooManyRequests',
      message: 'slow down',
      details: { retryAfterSeconds: 7 },
    };
    fake.intercept = () => ({ status: 429, body: status });
    const error = await fake.api
      .request({ method: 'GET', path })
      .catch((thrown: unknown) => thrown as ApiError);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      status: 429,
      reason: 'TooManyRequests',
      retryAfterSeconds: 7,
      body: status,
    });
    expect((error as ApiError).message).toBe(
      `GET ${path}: the API server asks to slow down (HTTP 429): slow down`,
    );
  });

  it('an answer that is no JSON is still an understandable error', async () => {
    const proxy = http.createServer((_request, response) =>
      response.writeHead(502).end('<html>bad gateway</html>'),
    );
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const api = apiAt(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    await expect(api.request({ method: 'GET', path: '/x' })).rejects.toThrow(
      'GET /x: the API server failed (HTTP 502): <html>bad gateway</html>',
    );
    proxy.close();
  });

  it('a server that is not there or silent is unreachable, and named', async () => {
    const api = apiAt('http://127.0.0.1:1');
    await expect(api.request({ method: 'GET', path: '/x' })).rejects.toThrow(
      'GET /x: no answer from the API server http://127.0.0.1:1: connect ECONNREFUSED',
    );
    const silent = http.createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const slow = apiAt(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`, 50);
    const error = await slow
      .request({ method: 'GET', path: '/x' })
      .catch((thrown: unknown) => thrown as Error);
    expect(error).toBeInstanceOf(ApiUnreachableError);
    expect((error as Error).message).toContain('no answer within 50 ms');
    silent.closeAllConnections();
    silent.close();
  });

  it('a kubeconfig that names no server is an error that says so', async () => {
    const file = join(directory, 'kubeconfig');
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': 'nowhere' }));
    const api = KubeApi.fromKubeConfig(file);
    await expect(api.request({ method: 'GET', path: '/x' })).rejects.toThrow(
      "GET /x: no answer from the API server: The kubeconfig names no cluster: its current-context is 'nowhere'",
    );
  });

  it('an aborted request rejects with the reason of its signal', async () => {
    const abort = new AbortController();
    const request = fake.api.request({ method: 'GET', path, signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(request).rejects.toThrow('enough');
  });

  it('repeats a request that a closing kept-alive connection swallowed, but never a POST', async () => {
    let hangUps = 0;
    const hangUp = () => {
      hangUps++;
      return 'hang up' as const;
    };
    await fake.api.request({ method: 'GET', path });
    fake.intercept = () => (hangUps === 0 ? hangUp() : undefined);
    await expect(fake.api.request({ method: 'GET', path })).resolves.toHaveProperty('items');
    fake.intercept = () => (hangUps === 1 ? hangUp() : undefined);
    await expect(fake.api.request({ method: 'POST', path, body: { metadata: {} } })).rejects.toBeInstanceOf(
      ApiUnreachableError,
    );
  });

  describe('watch', () => {
    it('delivers events from the given version on and ends with the signal', async () => {
      const first = fake.putSlice({ metadata: { name: 'a' } });
      const abort = new AbortController();
      const seen: string[] = [];
      const watching = (async () => {
        const { resourceVersion } = first.metadata;
        for await (const event of fake.api.watch({ path, resourceVersion, signal: abort.signal })) {
          seen.push(`${event.type} ${event.object.metadata.name}`);
          if (seen.length === 3) abort.abort();
        }
      })();
      fake.putSlice({ metadata: { name: 'b' } });
      fake.putSlice({ metadata: { name: 'b', labels: { x: 'y' } } });
      fake.deleteSlice('a');
      await watching;
      expect(seen).toEqual(['ADDED b', 'MODIFIED b', 'DELETED a']);
      expect(fake.requests[0]?.query).toMatchObject({ watch: 'true', allowWatchBookmarks: 'true' });
      expect(Number(fake.requests[0]?.query['timeoutSeconds'])).toBeGreaterThanOrEqual(300);
    });

    it('throws 410 when history is gone, whether as status or as event', async () => {
      fake.expireHistory();
      await expect(collect(fake.api.watch({ path, resourceVersion: '1' }))).rejects.toMatchObject({
        status: 410,
      });
      fake.intercept = () => ({ status: 410 });
      await expect(collect(fake.api.watch({ path, resourceVersion: '1' }))).rejects.toMatchObject({
        status: 410,
      });
    });

    it('ends when the connection falls silent, and when the server ends it', async () => {
      const resourceVersion = fake.putSlice({ metadata: { name: 'a' } }).metadata.resourceVersion;
      expect(await collect(fake.api.watch({ path, resourceVersion, silenceTimeoutMs: 30 }))).toEqual([]);
      const watching = collect(fake.api.watch({ path, resourceVersion }));
      await expect.poll(() => fake.requests.length).toBe(2);
      fake.endWatches();
      expect(await watching).toEqual([]);
    });

    it('joins events that arrive in pieces, in any encoding', async () => {
      const line = `${JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'grün' } } })}\n`;
      const bytes = Buffer.from(line + line);
      const server = http.createServer(async (_request, response) => {
        for (let at = 0; at < bytes.length; at += 7) {
          response.write(bytes.subarray(at, at + 7));
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        response.end();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const api = apiAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      const events = await collect(api.watch({ path: '/x', resourceVersion: '1' }));
      expect(events.map(({ object }) => object.metadata.name)).toEqual(['grün', 'grün']);
      server.closeAllConnections();
      server.close();
    });
  });

  describe('credentials', () => {
    let server: https.Server;
    let url: URL;
    const authorizations: string[] = [];
    /** The only credentials that the server takes; any when undefined. */
    let accepted: string | undefined;

    beforeEach(async () => {
      authorizations.length = 0;
      accepted = undefined;
      const config = ['-newkey', 'rsa:2048', '-nodes', '-x509', '-days', '1', '-subj', '/CN=api'];
      const san = ['-addext', 'subjectAltName=IP:127.0.0.1,DNS:api.example'];
      const files = ['-keyout', join(directory, 'key.pem'), '-out', join(directory, 'ca.crt')];
      execFileSync('openssl', ['req', ...config, ...san, ...files], { stdio: 'ignore' });
      const [key, cert] = ['key.pem', 'ca.crt'].map((name) => readFileSync(join(directory, name)));
      server = https.createServer({ key, cert }, (request, response) => {
        authorizations.push(request.headers.authorization ?? '');
        if (accepted !== undefined && request.headers.authorization !== accepted) response.statusCode = 401;
        response.end('{}');
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
    afterEach(() => {
      server.closeAllConnections();
      server.close();
    });

    it('in the cluster come from the service account’s files, over verified TLS', async () => {
      writeFileSync(join(directory, 'token'), 'secret\n');
      const environment = { KUBERNETES_SERVICE_HOST: url.hostname, KUBERNETES_SERVICE_PORT: url.port };
      const api = new KubeApi(inClusterConnection(directory, environment));
      await api.request({ method: 'GET', path: '/x' });
      await api.request({ method: 'GET', path: '/x' });
      expect(authorizations).toEqual(['Bearer secret', 'Bearer secret']);
      api.close();
    });

    it('are read again when the server refuses them, from a pod’s files as from a kubeconfig', async () => {
      accepted = 'Bearer new';
      writeFileSync(join(directory, 'token'), 'old');
      const config = {
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
        clusters: [{ name: 'k', cluster: { server: url.origin, 'certificate-authority': 'ca.crt' } }],
        users: [{ name: 'u', user: { tokenFile: join(directory, 'token') } }],
      };
      writeFileSync(join(directory, 'config'), JSON.stringify(config));
      const environment = { KUBERNETES_SERVICE_HOST: url.hostname, KUBERNETES_SERVICE_PORT: url.port };
      const apis = [
        new KubeApi(inClusterConnection(directory, environment)),
        KubeApi.fromKubeConfig(join(directory, 'config')),
      ];
      for (const api of apis) await expect(api.request({ method: 'GET', path: '/x' })).rejects.toThrow('401');
      // Once each, not for ever.
      expect(authorizations).toEqual(Array(4).fill('Bearer old'));
      writeFileSync(join(directory, 'token'), 'new\n');
      for (const api of apis) await expect(api.request({ method: 'GET', path: '/x' })).resolves.toEqual({});
      for (const api of apis) api.close();
    });

    it('with a wrong CA certificate nothing is sent', async () => {
      writeFileSync(join(directory, 'token'), 'secret');
      const environment = { KUBERNETES_SERVICE_HOST: url.hostname, KUBERNETES_SERVICE_PORT: url.port };
      const other = mkdtempSync(join(directory, 'other-'));
      writeFileSync(join(other, 'token'), 'secret');
      writeFileSync(join(other, 'ca.crt'), '');
      const api = new KubeApi(inClusterConnection(other, environment));
      await expect(api.request({ method: 'GET', path: '/x' })).rejects.toThrow('self-signed certificate');
      expect(authorizations).toEqual([]);
    });

    it('outside come from a kubeconfig file, with tokens, TLS server names and passwords', async () => {
      const config = (user: object, more: object = {}) =>
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'Config',
          'current-context': 'c',
          contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
          clusters: [
            { name: 'k', cluster: { server: url.origin, 'certificate-authority': 'ca.crt', ...more } },
          ],
          users: [{ name: 'u', user }],
        });
      const file = join(directory, 'config');
      writeFileSync(file, config({ token: 'abc' }, { 'tls-server-name': 'api.example' }));
      const first = KubeApi.fromKubeConfig(file);
      await first.request({ method: 'GET', path: '/x' });
      writeFileSync(file, config({ username: 'me', password: 'pw' }));
      const second = KubeApi.fromKubeConfig(file);
      await second.request({ method: 'GET', path: '/x' });
      expect(authorizations).toEqual(['Bearer abc', `Basic ${Buffer.from('me:pw').toString('base64')}`]);
      first.close();
      second.close();
    });

    it('a kubeconfig that is missing or names no cluster is named in the error', async () => {
      const missing = KubeApi.fromKubeConfig(join(directory, 'nowhere'));
      await expect(missing.request({ method: 'GET', path: '/x' })).rejects.toThrow(
        join(directory, 'nowhere'),
      );
      writeFileSync(join(directory, 'empty'), '{"current-context":"gone"}');
      const empty = KubeApi.fromKubeConfig(join(directory, 'empty'));
      await expect(empty.request({ method: 'GET', path: '/x' })).rejects.toThrow("current-context is 'gone'");
    });
  });
});

function apiAt(server: string, requestTimeoutMs = 5_000): KubeApi {
  const agent = new http.Agent();
  const settings = () => Promise.resolve({ server, headers: {}, agent });
  return new KubeApi({ settings, close: () => agent.destroy() }, { requestTimeoutMs });
}

async function collect(watch: AsyncIterable<WatchEvent>): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const event of watch) events.push(event);
  return events;
}
