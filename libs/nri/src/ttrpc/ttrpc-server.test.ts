import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wireType } from '../messages/wire-schema.ts';
import { TtrpcClient } from './ttrpc-client.ts';
import { encodeRequest } from './ttrpc-envelope.ts';
import type { TtrpcRequest } from './ttrpc-envelope.ts';
import { TtrpcError, TtrpcRejection } from './ttrpc-error.ts';
import { encodeTtrpcMessage, maximumTtrpcData } from './ttrpc-frame.ts';
import { TtrpcServer } from './ttrpc-server.ts';

type Handle = (request: TtrpcRequest) => Uint8Array | Promise<Uint8Array>;

/** A client and a server with nothing between them. */
function connect(handle: Handle): { client: TtrpcClient; server: TtrpcServer; replies: Uint8Array[] } {
  const replies: Uint8Array[] = [];
  const server = new TtrpcServer({
    handle,
    send: (message) => {
      replies.push(message);
      client.receive(Buffer.from(message));
    },
  });
  const client = new TtrpcClient((message) => server.receive(Buffer.from(message)));
  return { client, server, replies };
}

function request(method: string, payload: Uint8Array = new Uint8Array()): TtrpcRequest {
  return { service: 'test.Service', method, payload };
}

/** Code and message that a server answers raw bytes with. */
function statusOf(handle: Handle, message: Uint8Array): { code: number; message: string } | undefined {
  const { server, replies } = connect(handle);
  server.receive(Buffer.from(message));
  if (replies[0] === undefined) return undefined;
  const { status } = wireType('ttrpc.Response').decode(replies[0].subarray(10)) as unknown as {
    status: { code: number; message: string };
  };
  return { code: status.code, message: status.message };
}

const echo: Handle = ({ payload }) => Uint8Array.from(payload);

describe('a ttrpc call', () => {
  it('has a reply that stays as it was when the memory that it was received in is used again', async () => {
    const received: Buffer[] = [];
    const server = new TtrpcServer({
      handle: echo,
      send: (message) => {
        const memory = Buffer.from(message);
        received.push(memory);
        client.receive(memory);
      },
    });
    const client = new TtrpcClient((message) => server.receive(Buffer.from(message)));
    const reply = await client.call(request('Method', Buffer.from('the reply')), 1000);
    for (const memory of received) memory.fill(0);
    expect(Buffer.from(reply).toString()).toBe('the reply');
  });

  it('carries service, method and payload there and the payload back', async () => {
    const { client } = connect(({ service, method, payload }) =>
      Buffer.concat([Buffer.from(service + method), payload]),
    );
    const reply = await client.call(request('Method', Buffer.from('!')), 1000);
    expect(Buffer.from(reply).toString()).toBe('test.ServiceMethod!');
  });

  it.each([4000, 5000, maximumTtrpcData - 100])('carries a payload of %i bytes', async (length) => {
    const { client } = connect(echo);
    expect((await client.call(request('Echo', Buffer.alloc(length, 7)), 1000)).length).toBe(length);
  });

  it('rejects with the message of the handler’s error', async () => {
    const { client } = connect(() => Promise.reject(new Error('no device "a"')));
    await expect(client.call(request('Fail'), 1000)).rejects.toMatchObject({
      code: 2,
      message: 'no device "a"',
    });
  });

  it('rejects with all messages of an AggregateError', async () => {
    const { client } = connect(() => {
      throw new AggregateError([new Error('a failed'), new Error('so did b')], 'attach failed');
    });
    await expect(client.call(request('Fail'), 1000)).rejects.toThrow('attach failed; a failed; so did b');
  });

  it('rejects even when the handler throws nothing', async () => {
    const { client } = connect(({ method }) => {
      if (method === 'Sync') throw undefined;

      return Promise.reject();
    });
    await expect(client.call(request('Sync'), 1000)).rejects.toThrow('Sync failed without a reason');
    await expect(client.call(request('Async'), 1000)).rejects.toThrow('Async failed without a reason');
  });

  it('does not pass on a status code that a handler got from elsewhere', async () => {
    const { client } = connect(() => Promise.reject(new TtrpcError(12, 'not there')));
    await expect(client.call(request('Fail'), 1000)).rejects.toMatchObject({ code: 2, message: 'not there' });
  });

  it('passes on the status code of a refusal', async () => {
    const { client } = connect(() => Promise.reject(new TtrpcRejection(12, 'no such method')));
    await expect(client.call(request('Fail'), 1000)).rejects.toMatchObject({ code: 12 });
  });

  it('shortens an error text that no gRPC trailer would hold', async () => {
    const { client } = connect(() => Promise.reject(new Error('x'.repeat(100_000))));
    const error = await client.call(request('Fail'), 1000).catch((reason: Error) => reason);
    expect((error as Error).message.length).toBe(4096);
  });

  it('fails with RESOURCE_EXHAUSTED when the reply is over 4 MiB, and the next one works', async () => {
    const { client } = connect(({ method }) => new Uint8Array(method === 'Big' ? maximumTtrpcData : 1));
    await expect(client.call(request('Big'), 1000)).rejects.toMatchObject({ code: 8 });
    expect((await client.call(request('Small'), 1000)).length).toBe(1);
  });

  it('fails before it is sent when the request is over 4 MiB', async () => {
    const { client } = connect(echo);
    const call = client.call(request('Echo', new Uint8Array(maximumTtrpcData)), 1000);
    await expect(call).rejects.toMatchObject({ code: 8 });
  });

  it('fails with DEADLINE_EXCEEDED without an answer', async () => {
    const { client } = connect(() => new Promise(() => undefined));
    await expect(client.call(request('Never'), 10)).rejects.toMatchObject({ code: 4 });
  });

  it('fails when the connection is closed', async () => {
    const { client } = connect(() => new Promise(() => undefined));
    const call = client.call(request('Never'), 1000);
    client.close(new Error('gone'));
    await expect(call).rejects.toThrow('gone');
    await expect(client.call(request('Never'), 1000)).rejects.toThrow('gone');
  });

  it('overlaps with others: replies come in the order in which handlers finish', async () => {
    const finish = new Map<string, () => void>();
    const { client, server } = connect(({ method }) => {
      return new Promise((resolve) => finish.set(method, () => resolve(Buffer.from(method))));
    });
    const order: string[] = [];
    const calls = ['a', 'b', 'c'].map(async (name) => {
      order.push(Buffer.from(await client.call(request(name), 1000)).toString());
    });
    expect(server.unanswered).toEqual(['a', 'b', 'c']);
    for (const name of ['c', 'a', 'b']) {
      finish.get(name)?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(calls);
    expect(order).toEqual(['c', 'a', 'b']);
    await server.idle();
  });
});

describe('TtrpcServer', () => {
  const valid = encodeRequest(request('Echo'), 0);

  it('refuses an even stream id, which only servers may use', () => {
    expect(statusOf(echo, encodeTtrpcMessage(2, 1, valid))?.code).toBe(3);
  });

  it('refuses to stream', () => {
    const message = encodeTtrpcMessage(1, 1, valid);
    message[9] = 2;
    expect(statusOf(echo, message)?.code).toBe(12);
  });

  it('refuses data that is no request', () => {
    expect(statusOf(echo, encodeTtrpcMessage(1, 1, Buffer.from([0x0a, 0xff])))?.code).toBe(3);
  });

  it('says how large a request was that is over 4 MiB', () => {
    const header = Buffer.from([0, 0x40, 0, 1, 0, 0, 0, 1, 1, 0]);
    expect(statusOf(echo, header)).toEqual({
      code: 8,
      message: 'the request has 4194305 bytes, allowed are 4194304',
    });
  });

  it('says nothing to messages that are no requests', () => {
    expect(statusOf(echo, encodeTtrpcMessage(1, 3, valid))).toBeUndefined();
  });

  it('answers every request, whatever its data', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (data) => {
        const { server, replies } = connect(echo);
        server.receive(encodeTtrpcMessage(1, 1, data));
        expect(replies).toHaveLength(1);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('TtrpcClient', () => {
  it('settles a call whatever the data of the response', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (data) => {
        const client = new TtrpcClient(() => undefined);
        const call = client.call(request('Method'), 5000).catch((error: unknown) => error);
        client.receive(encodeTtrpcMessage(1, 2, data));
        const result = await call;
        expect(result instanceof Uint8Array || result instanceof TtrpcError).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
