import { createHash } from 'node:crypto';
import { type AccountedFor, type HostLeftover, openUnlessGone } from '@patchbay/core';
import { linkDelete, NetlinkError, type RouteSocket } from '@patchbay/netlink';

/** Interface names have 15 bytes (`IFNAMSIZ` in linux/if.h counts the terminating zero). */
const [driverDigits, seedDigits] = [4, 9];

/**
 * Name of a pair's end on the host: it is made of the driver's name, so that none takes another one's pairs for its own, and of claim and
 * device, so that the pair is found again after a crash.
 */
export function hostEndName(driverName: string, seed: readonly string[]): string {
  return `${prefix(driverName)}${hash(seed.join('\0'), seedDigits)}`;
}

/**
 * Finds pairs of the driver that nothing accounts for: their records are lost. A pair whose other end is in a namespace that a pod runs in, or
 * may run in, is left to that pod, with which it goes.
 *
 * @param accounted the names of all that are accounted for, and what the runtime runs
 */
export async function strayHostEnds(
  host: RouteSocket,
  driverName: string,
  accounted: () => { readonly names: ReadonlySet<string>; readonly running: AccountedFor['running'] },
): Promise<HostLeftover[]> {
  const links = await host.linksAsync();
  const ours = links.filter(({ kind, name }) => kind === 'veth' && isHostEnd(driverName, name));
  if (ours.length === 0) return [];
  const { names, running } = accounted();
  const stray = ours.filter(({ name }) => !names.has(name));
  if (stray.length === 0) return [];
  const inUse = running?.flatMap(({ networkNamespacePath }) => namespaceId(host, networkNamespacePath));
  return stray
    .filter(({ parentNamespaceId: id }) => id === undefined || (inUse !== undefined && !inUse.includes(id)))
    .map(({ name, index }) => ({
      what: 'end of a veth pair',
      name,
      async remove() {
        // A pair that was made since has another index.
        if (host.link({ index })?.name !== name) return;
        await host.executeAsync(linkDelete({ index })).catch((error: unknown) => {
          if (!(error instanceof NetlinkError && error.code === 'ENODEV')) throw error;
        });
      },
    }));
}

function namespaceId(host: RouteSocket, path: string): number[] {
  using namespace = openUnlessGone(path);
  const id = namespace && host.namespaceId(namespace);
  return id === undefined ? [] : [id];
}

function isHostEnd(driverName: string, name: string): boolean {
  return name.startsWith(prefix(driverName)) && name.length === prefix(driverName).length + seedDigits;
}

function prefix(driverName: string): string {
  return `pb${hash(driverName, driverDigits)}`;
}

function hash(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}
