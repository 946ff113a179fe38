import { closeSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { linkSet, RouteSocket } from '../../index.ts';
import { withNamespaces } from '../../testing/index.ts';

describe("a namespace's number in another one", () => {
  it('is there once assigned, stays, and is for that one only', () =>
    withNamespaces(([host, first, second]) => {
      using socket = RouteSocket.open({ namespace: host });
      using firstSocket = RouteSocket.open({ namespace: first });
      expect(socket.namespaceId(first)).toBeUndefined();
      const id = socket.assignNamespaceId(first);
      expect(socket.assignNamespaceId(first)).toBe(id);
      expect(socket.namespaceId(first)).toBe(id);
      expect(socket.assignNamespaceId(second)).not.toBe(id);
      expect(firstSocket.namespaceId(host)).toBeUndefined();
    }));

  it('is assigned by the kernel when a link is moved there', () =>
    withNamespaces(async ([host, pod]) => {
      using socket = RouteSocket.open({ namespace: host });
      const { index } = socket.createLink({ name: 'a', kind: { kind: 'veth' } });
      await socket.executeAsync(linkSet(index, { namespace: pod }));
      const id = socket.namespaceId(pod);
      expect(id).toBeTypeOf('number');
      expect(socket.assignNamespaceId(pod)).toBe(id);
      const peer = socket.links().find(({ parentNamespaceId }) => parentNamespaceId !== undefined);
      expect(peer?.parentNamespaceId).toBe(id);
    }));

  it('may be its own', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      expect(socket.namespaceId()).toBeUndefined();
      const id = socket.assignNamespaceId(host);
      expect(socket.namespaceId()).toBe(id);
    }));

  it('cannot be had for what is no namespace', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const fd = openSync('/dev/null', 'r');
      try {
        expect(() => socket.namespaceId({ fd })).toThrow(expect.objectContaining({ code: 'EINVAL' }));
        expect(() => socket.assignNamespaceId({ fd })).toThrow(expect.objectContaining({ code: 'EINVAL' }));
      } finally {
        closeSync(fd);
      }
    }));
});
