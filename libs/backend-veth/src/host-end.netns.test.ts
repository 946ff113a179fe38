import { linkDelete, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostEndName, hostEndPrefix, strayHostEnds } from './host-end.ts';

const driver = hostEndPrefix('patchbay.dev');
const other = hostEndPrefix('other.example.com');

let host: RouteSocket;
let pods: NetworkNamespace[];
beforeEach(() => {
  host = RouteSocket.open();
  pods = [NetworkNamespace.create(), NetworkNamespace.create()];
});
afterEach(() => {
  // The tests of a file share the host's namespace.
  for (const { name, kind } of host.links()) {
    if (kind === 'bridge' || (kind === 'veth' && name.startsWith('pb'))) host.execute(linkDelete({ name }));
  }
  for (const pod of pods) pod.close();
  host.close();
});

/** Makes a pair with one end in a pod, or with both on the host. */
function pair(name: string, pod?: NetworkNamespace): string {
  const peer = pod === undefined ? { name: 'half0' } : { name: `peer-${name.slice(-6)}`, namespace: pod };
  host.createLink({ name, kind: { kind: 'veth', peer } });
  return name;
}

const path = (pod: NetworkNamespace | undefined) => `/proc/${process.pid}/fd/${pod?.fd}`;
const sandbox = (pod: NetworkNamespace | undefined) => ({
  ...{ podUID: 'p', podName: 'p', podNamespace: 'default', sandboxId: 's' },
  networkNamespacePath: path(pod),
});

async function found(names: readonly string[], running?: readonly (NetworkNamespace | undefined)[]) {
  const accounted = () => ({ names: new Set(names), running: running?.map(sandbox) });
  return strayHostEnds(host, driver, accounted);
}
const namesOf = async (...parameters: Parameters<typeof found>) =>
  (await found(...parameters)).map(({ name }) => name);

describe("a pair's end on the host", () => {
  it('is called what fits in the name of an interface, by driver and claim', () => {
    const names = [hostEndName(driver, ['a']), hostEndName(driver, ['b']), hostEndName(other, ['a'])];
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^pb[0-9a-f]{13}$/);
  });

  it('is stray when nothing accounts for it and no running pod has the other end', async () => {
    const known = pair(hostEndName(driver, ['known']), pods[0]);
    const running = pair(hostEndName(driver, ['running']), pods[0]);
    const gone = pair(hostEndName(driver, ['gone']), pods[1]);
    const half = pair(hostEndName(driver, ['half']));
    expect((await namesOf([known], [pods[0]])).sort()).toEqual([gone, half].sort());
    // Which pods run is not known: those whose other end is somewhere may be theirs.
    expect(await namesOf([known])).toEqual([half]);
    expect((await namesOf([known], pods)).includes(running)).toBe(false);
  });

  it("is never another driver's, nor a link of another kind", async () => {
    pair(hostEndName(other, ['a']));
    host.createLink({ name: hostEndName(driver, ['bridge']), kind: { kind: 'bridge' } });
    expect(await namesOf([], [])).toEqual([]);
  });

  it('is removed, unless it was made anew since', async () => {
    const name = pair(hostEndName(driver, ['a']));
    const [stray, again] = [...(await found([], [])), ...(await found([], []))];
    await stray?.remove();
    expect(host.link({ name })).toBeUndefined();
    pair(name);
    await again?.remove();
    expect(host.link({ name })).toBeDefined();
  });
});
