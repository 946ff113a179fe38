import { closeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { filterDelete, linkSet, NamespacePrograms, type NetworkNamespace, RouteSocket } from '../index.ts';
import { attachTcx, addFilter, loadProgram, withNamespaces } from '../testing/index.ts';

/** A namespace with a veth link, and an eBPF program that lets all packets pass. */
function withProgram<T>(
  test: (socket: RouteSocket, linkIndex: number, program: number, host: NetworkNamespace) => T,
): Promise<T> {
  return withNamespaces(([host]) => {
    using socket = RouteSocket.open({ namespace: host });
    const { index } = socket.createLink({ name: 'a', kind: { kind: 'veth' } });
    const program = loadProgram();
    try {
      return test(socket, index, program, host);
    } finally {
      closeSync(program);
    }
  });
}

describe('TCX programs', () => {
  it('are listed and detached, whether a bpf_link holds them or not', () =>
    withProgram((_, linkIndex, program, host) => {
      const programs = new NamespacePrograms(host);
      expect(programs.tcxPrograms(linkIndex)).toEqual([]);
      attachTcx(host, linkIndex, program, 'ingress');
      const other = loadProgram();
      const link = attachTcx(host, linkIndex, other, 'egress', 'byLink');
      const attached = programs.tcxPrograms(linkIndex);
      expect(attached).toEqual([
        { direction: 'ingress', programId: expect.any(Number) },
        { direction: 'egress', programId: expect.any(Number), bpfLinkId: expect.any(Number) },
      ]);
      for (const each of attached) programs.detachTcx(linkIndex, each);
      expect(programs.tcxPrograms(linkIndex)).toEqual([]);
      for (const each of attached) programs.detachTcx(linkIndex, each);
      closeSync(link ?? -1);
      closeSync(other);
      expect(() => programs.tcxPrograms(linkIndex + 100)).toThrow(
        expect.objectContaining({ code: 'ENODEV' }),
      );
    }));
});

describe('filters', () => {
  it('are listed with what they hang on, and deleted', () =>
    withProgram((socket, linkIndex, program) => {
      expect(socket.filters(linkIndex)).toEqual([]);
      addFilter(socket, linkIndex, program, 'ingress');
      addFilter(socket, linkIndex, program, 'egress');
      const filters = socket.filters(linkIndex);
      expect(filters).toEqual([
        {
          linkIndex,
          parent: 'ingress',
          kind: 'bpf',
          handle: 1,
          priority: 7,
          protocol: 3,
          chain: 0,
          programName: 'pass',
        },
        expect.objectContaining({ parent: 'egress', kind: 'bpf' }),
      ]);
      socket.execute(...filters.map(filterDelete));
      expect(socket.filters(linkIndex)).toEqual([]);
      expect(() => socket.execute(...filters.map(filterDelete))).toThrow(
        expect.objectContaining({ operation: 'filter del' }),
      );
    }));

  it('go when the link moves to another namespace, and TCX programs go with it', () =>
    withNamespaces(async ([host, pod]) => {
      using socket = RouteSocket.open({ namespace: host });
      using inPod = RouteSocket.open({ namespace: pod });
      const { index } = socket.createLink({ name: 'a', kind: { kind: 'veth' } });
      const program = loadProgram();
      addFilter(socket, index, program, 'ingress');
      attachTcx(host, index, program, 'ingress');
      await socket.executeAsync(linkSet(index, { namespace: pod }));
      const moved = inPod.link({ name: 'a' })?.index ?? 0;
      expect(inPod.filters(moved)).toEqual([]);
      expect(new NamespacePrograms(pod).tcxPrograms(moved)).toHaveLength(1);
      closeSync(program);
    }));
});
