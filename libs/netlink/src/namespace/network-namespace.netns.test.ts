import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RouteSocket } from '../index.ts';
import { ownNamespacePath } from './inside-namespace.ts';
import { NamespaceGoneError } from './namespace-gone-error.ts';
import { namespaceIdentity } from './namespace-identity.ts';
import { NetworkNamespace } from './network-namespace.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'netns-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('a network namespace', () => {
  it('is new and empty when created, and this thread stays where it was', () => {
    const home = readlinkSync(ownNamespacePath);
    using namespace = NetworkNamespace.create();
    using own = NetworkNamespace.own();
    expect(readlinkSync(ownNamespacePath)).toBe(home);
    expect(namespace.identity).not.toBe(own.identity);
    using socket = RouteSocket.open({ namespace });
    expect(socket.links().map(({ name, up }) => ({ name, up }))).toEqual([{ name: 'lo', up: false }]);
  });

  it('is the same by every path', () => {
    using namespace = NetworkNamespace.create();
    using again = NetworkNamespace.open(namespace.path);
    expect(again.identity).toBe(namespace.identity);
    expect(namespaceIdentity(namespace.path)).toBe(namespace.identity);
    expect(namespaceIdentity(`/proc/${process.pid}/ns/net`)).toBe(NetworkNamespace.own().identity);
  });

  it('does work inside, and comes back also when the work throws', () => {
    const home = readlinkSync(ownNamespacePath);
    using namespace = NetworkNamespace.create();
    const inside = namespace.run(() => readlinkSync(ownNamespacePath));
    expect(inside).toBe(`net:[${namespace.identity.split(':')[1]}]`);
    expect(() =>
      namespace.run(() => {
        throw new RangeError('inside');
      }),
    ).toThrow(new RangeError('inside'));
    expect(readlinkSync(ownNamespacePath)).toBe(home);
  });

  it('can be entered from within another one', () => {
    using outer = NetworkNamespace.create();
    using inner = NetworkNamespace.create();
    const read = () => namespaceIdentity(ownNamespacePath);
    expect(outer.run(() => [read(), inner.run(read), read()])).toEqual([
      outer.identity,
      inner.identity,
      outer.identity,
    ]);
  });

  it('leaves no thread of the process behind', () => {
    using namespace = NetworkNamespace.create();
    namespace.run(() => undefined);
    const own = NetworkNamespace.own().identity;
    for (const task of readdirSync('/proc/self/task'))
      expect(namespaceIdentity(`/proc/self/task/${task}/ns/net`)).toBe(own);
  });

  it('outlives its object when it was pinned, and is found by the path', () => {
    const path = join(directory, 'deep', 'pod');
    const namespace = NetworkNamespace.create();
    const { identity } = namespace;
    namespace.pin(path);
    namespace.close();
    try {
      using again = NetworkNamespace.open(path);
      expect(again.identity).toBe(identity);
      expect(() => again.pin(path)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    } finally {
      NetworkNamespace.unpin(path);
    }
    expect(existsSync(path)).toBe(false);
    NetworkNamespace.unpin(path);
  });

  it('unpins also what a crash left half done', () => {
    const path = join(directory, 'pod');
    writeFileSync(path, '');
    NetworkNamespace.unpin(path);
    expect(existsSync(path)).toBe(false);
  });

  it('cannot be used once closed', () => {
    const namespace = NetworkNamespace.create();
    namespace.close();
    namespace.close();
    expect(() => namespace.fd).toThrow(/is closed/);
    expect(() => namespace.run(() => undefined)).toThrow(/is closed/);
    expect(() => RouteSocket.open({ namespace })).toThrow(/is closed/);
  });
});

describe('a namespace that is gone', () => {
  it('is reported when the path is missing', () => {
    const path = join(directory, 'missing');
    expect(() => NetworkNamespace.open(path)).toThrow(NamespaceGoneError);
    expect(() => NetworkNamespace.open(path)).toThrow(`there is no network namespace at ${path}`);
    expect(namespaceIdentity(path)).toBeUndefined();
  });

  it('is reported when its mount was taken away and the file stayed', () => {
    const path = join(directory, 'pod');
    writeFileSync(path, '');
    expect(() => NetworkNamespace.open(path)).toThrow(NamespaceGoneError);
    expect(namespaceIdentity(path)).toBeUndefined();
  });

  it('is reported for files of other sorts', () => {
    expect(() => NetworkNamespace.open('/proc/self/ns/mnt')).toThrow(NamespaceGoneError);
    expect(() => NetworkNamespace.open('/dev/null')).toThrow(NamespaceGoneError);
    expect(() => NetworkNamespace.open(directory)).toThrow(NamespaceGoneError);
    expect(() => NetworkNamespace.open(join('/proc/self/status', 'x'))).toThrow(NamespaceGoneError);
  });

  it('is reported when the process that had it has ended', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const path = `/proc/${child.pid}/ns/net`;
    NetworkNamespace.open(path).close();
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(() => NetworkNamespace.open(path)).toThrow(NamespaceGoneError);
  });
});
