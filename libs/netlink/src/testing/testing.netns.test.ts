import { createServer } from 'node:net';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { connectNamespaces, withNamespaces } from './index.ts';

describe('connected namespaces', () => {
  it('carry traffic from one to the other', () =>
    withNamespaces(async ([left, right]) => {
      const [near, far] = connectNamespaces(
        { namespace: left, name: 'near', addresses: ['192.0.2.1/24', '2001:db8::1/64'] },
        { namespace: right, name: 'far', addresses: ['192.0.2.2/24', '2001:db8::2/64'] },
      );
      expect([near.parent, far.parent]).toEqual([far.index, near.index]);
      expect([near.up, far.up, near.operState]).toEqual([true, true, 'up']);
      const server = createServer((connection) => connection.end('hello'));
      // With a host, listening and connecting look it up first, and open the socket after this thread has come back.
      right.run(() => server.listen(8080));
      for (const address of ['192.0.2.2', '2001:db8::2']) {
        const script = `require('node:net').connect(8080, '${address}').pipe(process.stdout)`;
        const client = left.run(() => spawn(process.execPath, ['-e', script]));
        const [data] = (await once(client.stdout, 'data')) as [Buffer];
        expect(data.toString()).toBe('hello');
        await once(client, 'exit');
      }
      server.close();
    }));

  it('are closed when the test fails', async () => {
    let path = '';
    const failing = withNamespaces(([first]) => {
      path = first.path;
      throw new Error('on purpose');
    });
    await expect(failing).rejects.toThrow('on purpose');
    expect(path).not.toBe('');
  });
});
