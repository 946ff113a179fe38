import { describe, expect, it } from 'vitest';
import type { LinkSpec } from './link-spec.ts';
import { LinkTemplate } from './link-template.ts';

/** A kernel that takes the request and echoes nothing, as those before Linux 6.2; its socket finds links by their names. */
function silentKernel(...names: readonly string[]) {
  const find = (name: string) => (names.includes(name) ? 10 + names.indexOf(name) : undefined);
  return { executeTemplate: () => {}, linkIndex: find };
}

const host = silentKernel('host0', 'uplink0');
const pod = silentKernel('lo', 'net0');
const namespace = { fd: 9 };
const macvlan = { kind: 'macvlan', mode: 'bridge' } satisfies LinkSpec['kind'];

describe('a link that the kernel does not echo', () => {
  it('is found in its namespace', () => {
    const template = new LinkTemplate((inside) => ({ name: 'net0', namespace: inside, kind: macvlan }));
    expect(template.create(host, namespace, pod)).toEqual({ index: 11 });
  });

  it('is found here when only its peer is elsewhere', () => {
    const template = new LinkTemplate((inside) => ({
      name: 'host0',
      kind: { kind: 'veth', peer: { name: 'net0', namespace: inside } },
    }));
    expect(template.create(host, namespace, pod)).toEqual({ index: 10 });
  });

  it('is told to have vanished when it is not to be found', () => {
    const template = new LinkTemplate((inside) => ({ name: 'net1', namespace: inside, kind: macvlan }));
    expect(() => template.create(host, namespace, pod)).toThrow('cannot be found: it is gone');
  });
});
