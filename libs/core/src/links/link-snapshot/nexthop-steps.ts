import {
  type NexthopObject,
  nexthopObjectAdd,
  nexthopObjectReplace,
  type RouteSocket,
} from '@patchbay/netlink';
import type { LinkSnapshot } from './link-snapshot.ts';
import type { RestoreStep } from './restore-step.ts';

/** Next-hop objects that leave by a link, and the groups that they are in. */
export function snapshotNexthopObjects(socket: RouteSocket, linkIndex: number): NexthopObject[] {
  const objects = socket.nexthopObjects();
  const own = objects.filter((object) => object.linkIndex === linkIndex);
  const ids = new Set(own.map(({ id }) => id));
  return [...own, ...objects.filter(({ group }) => group?.some(({ id }) => ids.has(id)))];
}

/**
 * The messages that bring back a link's next-hop objects, which die whenever it goes down, and put them back into the groups that lost them.
 *
 * @param linkIndex the link's index now
 */
export function nexthopSteps(
  { nexthopObjects = [], index }: LinkSnapshot,
  socket: RouteSocket,
  linkIndex: number,
): RestoreStep[] {
  if (nexthopObjects.length === 0) return [];
  const present = new Map(socket.nexthopObjects().map((object) => [object.id, object]));
  const own = nexthopObjects.filter((object) => object.linkIndex === index);
  const missing = own.filter(({ id }) => !present.has(id));
  const known = new Set([...present.keys(), ...own.map(({ id }) => id)]);
  return [
    ...missing.map((object) => ({
      request: nexthopObjectAdd({ ...object, linkIndex }),
      what: `next-hop object ${object.id}`,
    })),
    ...nexthopObjects.flatMap((object) => {
      const group = wholeGroup(object, present.get(object.id), known);
      if (group === undefined) return [];
      return [{ request: nexthopObjectReplace(group), what: `group of next-hop objects ${object.id}` }];
    }),
  ];
}

/** A group with the members that it lost and those that it has got meanwhile; undefined when it lacks none. */
function wholeGroup(
  wanted: NexthopObject,
  now: NexthopObject | undefined,
  known: ReadonlySet<number>,
): NexthopObject | undefined {
  if (wanted.group === undefined) return undefined;
  const members = now?.group ?? [];
  const isIn = (id: number) => members.some((member) => member.id === id);
  const others = members.filter(({ id }) => !wanted.group?.some((member) => member.id === id));
  const lost = wanted.group.filter(({ id }) => known.has(id) && !isIn(id));
  if (lost.length === 0) return undefined;
  const group = [...wanted.group.filter(({ id }) => known.has(id)), ...others];
  return { ...wanted, group };
}
