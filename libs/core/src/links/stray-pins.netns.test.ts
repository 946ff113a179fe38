import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linkDelete, linkSet, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { travelMark } from './link-identity.ts';
import type { LinkSnapshot } from './link-snapshot/link-snapshot.ts';
import { NamespacePins } from './namespace-pins.ts';
import { type AccountedPins, StrayPins } from './stray-pins.ts';

let host: RouteSocket;
let directory: string;
let pins: NamespacePins;
beforeEach(() => {
  host = RouteSocket.open();
  directory = mkdtempSync(join(tmpdir(), 'pins-'));
  pins = new NamespacePins(directory);
});
afterEach(() => {
  for (const { name, kind } of host.links()) {
    if (kind === 'veth' && host.link({ name }) !== undefined) host.execute(linkDelete({ name }));
  }
  for (const path of pins.paths()) NetworkNamespace.unpin(path);
  host.close();
  rmSync(directory, { recursive: true });
});

/** Links of the host that were moved to a namespace of which nothing but pins is left. */
function away(...names: readonly string[]): LinkSnapshot[] {
  using namespace = NetworkNamespace.create();
  return names.map((name) => {
    const { index, address } = host.createLink({
      name,
      kind: { kind: 'veth', peer: { name: `port-${name}` } },
    });
    const snapshot = { index, name, kind: 'veth', hardwareAddress: address } as LinkSnapshot;
    pins.pin(snapshot, namespace);
    host.execute(
      linkSet(index, { alias: travelMark(snapshot) ?? '' }),
      linkSet(index, { namespace, name: `in-${name}` }),
    );
    return snapshot;
  });
}

/** What accounts for links while no pod runs. */
function accounted(...known: readonly (LinkSnapshot | undefined)[]): AccountedPins {
  return { snapshots: known.filter((each) => each !== undefined), running: [] };
}

describe('a pin that no record accounts for', () => {
  it('gives back its link, and leaves those that records know of', async () => {
    const [lost, known] = away('nic0', 'nic1');
    const strays = new StrayPins(pins, host).find(() => accounted(known));
    expect(strays).toMatchObject([
      { what: 'pinned namespace', name: pins.path(lost ?? ({} as LinkSnapshot)) },
    ]);
    for (const stray of strays) await stray.remove();
    expect(host.link({ name: 'in-nic0' })).toMatchObject({ kind: 'veth' });
    expect(host.link({ name: 'in-nic0' })?.alias).toBeUndefined();
    expect(host.link({ name: 'in-nic1' })).toBeUndefined();
    expect(pins.paths()).toEqual([pins.path(known ?? ({} as LinkSnapshot))]);
  });

  it('gives it back under another name where its own is taken', async () => {
    const [lost] = away('nic0');
    host.createLink({ name: 'in-nic0', kind: { kind: 'veth', peer: { name: 'other0' } } });
    for (const stray of new StrayPins(pins, host).find(() => accounted())) await stray.remove();
    expect(host.links().map(({ name }) => name)).toContain(`pb${lost?.index}`);
    expect(pins.paths()).toEqual([]);
  });

  it('is left alone while a pod runs there, while that is not known, and when it has come to be known meanwhile', async () => {
    using namespace = NetworkNamespace.create();
    const snapshot = { index: 7, name: 'nic7', kind: 'veth', hardwareAddress: '02:00:5e:00:53:07' };
    const link = snapshot as LinkSnapshot;
    pins.pin(link, namespace);
    let now: AccountedPins = { snapshots: [], running: [{ networkNamespacePath: namespace.path }] };
    const strays = new StrayPins(pins, host);
    expect(strays.find(() => now)).toEqual([]);
    now = { snapshots: [], running: undefined };
    expect(strays.find(() => now)).toEqual([]);
    now = accounted();
    const [stray] = strays.find(() => now);
    now = accounted(link);
    await stray?.remove();
    expect(pins.paths()).toEqual([pins.path(link)]);
  });

  it('is removed also when its namespace is empty, twice as well', async () => {
    using namespace = NetworkNamespace.create();
    pins.pin(
      { index: 7, name: 'nic7', kind: 'veth', hardwareAddress: '02:00:5e:00:53:07' } as LinkSnapshot,
      namespace,
    );
    const strays = new StrayPins(pins, host).find(() => accounted());
    for (const stray of [...strays, ...strays]) await stray.remove();
    expect([strays.length, pins.paths()]).toEqual([1, []]);
  });
});
