import {
  type Link,
  linkDeleteAltname,
  linkSet,
  type NetworkNamespace,
  type RouteSocket,
} from '@patchbay/netlink';
import { returnMark, travelMark } from './link-identity.ts';
import type { LinkSnapshot } from './link-snapshot/link-snapshot.ts';
import { isExists } from './name-conflict.ts';
import { removeUppers } from './pod-uppers.ts';

/**
 * Moves a link from a pod to the host, under its name if that is free, else under a passing one; the device must come back all the same, and
 * restoring it reports the conflict. It is down there and carries the mark of its return.
 *
 * @param pod a socket in the pod's namespace
 * @param host a socket in the host's, which `hostNamespace` is
 */
export async function moveBack(
  pod: RouteSocket,
  inPod: Link,
  snapshot: LinkSnapshot,
  host: RouteSocket,
  hostNamespace: NetworkNamespace,
): Promise<void> {
  await removeUppers(pod, inPod);
  const mark = travelMark(snapshot);
  const move = (name: string) =>
    pod.executeAsync(
      // In a message of its own: the kernel may move the link and then refuse the name, and with it what it has not done yet.
      ...(mark === undefined ? [] : [linkSet(inPod.index, { alias: mark })]),
      linkSet(inPod.index, {
        up: false,
        namespace: hostNamespace,
        name,
        alias: returnMark(snapshot),
        ...(canHaveIndexAgain(snapshot, inPod, host) ? { newIndex: snapshot.index } : {}),
      }),
    );
  try {
    await move(snapshot.name);
  } catch (error) {
    if (!isExists(error)) throw error;
    // The kernel moves a link under the name that it has, if that is free, and only then finds the new one taken.
    const remaining = pod.link({ index: inPod.index });
    if (remaining === undefined) return;
    // Or one of the alternative names is.
    if (remaining.altnames.length > 0) {
      await pod.executeAsync(linkDeleteAltname(remaining.index, remaining.altnames));
    }
    await move(`pb${snapshot.index}`);
  }
}

/** The kernel keeps a link's index when it moves, unless the other namespace has one of that index. */
function canHaveIndexAgain({ index }: LinkSnapshot, inPod: Link, host: RouteSocket): boolean {
  return inPod.index !== index && host.link({ index }) === undefined;
}
