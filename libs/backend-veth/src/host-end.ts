import { hash } from 'node:crypto';
import { type AccountedFor, type HostLeftover, openUnlessGone } from '@patchbay/core';
import { linkDelete, NetlinkError, type RouteSocket } from '@patchbay/netlink';

/** Interface names have 15 bytes (`IFNAMSIZ` in linux/if.h counts the terminating zero). */
const [driverDigits, seedDigits] = [4, 9];

/** What the names of all of a driver's ends begin with, so that none takes another one's pairs for its own. */
export function hostEndPrefix(driverName: string): string {
  return `pb${hexDigits(driverName, driverDigits)}`;
}

/** Name of a pair's end on the host: it is made of claim and device, so that the pair is found again after a crash. */
export function hostEndName(prefix: string, seed: readonly string[]): string {
  return `${prefix}${hexDigits(seed.join('\0'), seedDigits)}`;
}

/**
 * Finds pairs of the driver that nothing accounts for: their records are lost. A pair whose other end is in a namespace that a pod runs in, or
 * may run in, is left to that pod, with which it goes.
 *
 * @param prefix see {@link hostEndPrefix}
 * @param accounted the names of all that are accounted for, and what the runtime runs
 */
export async function strayHostEnds(
  host: RouteSocket,
  prefix: string,
  accounted: () => { readonly names: ReadonlySet<string>; readonly running: AccountedFor['running'] },
): Promise<HostLeftover[]> {
  const links = await host.linksAsync();
  const ours = links.filter(({ kind, name }) => kind === 'veth' && isHostEnd(prefix, name));
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

function isHostEnd(prefix: string, name: string): boolean {
  return name.startsWith(prefix) && name.length === prefix.length + seedDigits;
}

function hexDigits(text: string, count: number): string {
  return hash('sha256', text).slice(0, count);
}
