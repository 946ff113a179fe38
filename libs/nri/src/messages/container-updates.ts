import type { ContainerUpdate } from './container-update.ts';
import type { LinuxResources } from './linux-resources.ts';
import { plainReader } from './plain-reader.ts';
import type { WireObject } from './plain-reader.ts';
import { plainWriter } from './plain-writer.ts';
import { nriType } from './wire-schema.ts';

const synchronizeResponse = nriType('SynchronizeResponse');
const writeUpdates = plainWriter(synchronizeResponse);
const updateContainersResponse = nriType('UpdateContainersResponse');
const readUpdate = plainReader(nriType('ContainerUpdate'));

/** As the ContainerUpdate message has it. */
export function plainUpdate({ resources, ...update }: ContainerUpdate): object {
  return { ...update, linux: resources === undefined ? undefined : { resources } };
}

/**
 * The encoded replies to Synchronize and StopContainer, whose list of updates has the same number, and the UpdateContainersRequest.
 *
 * @throws {@link InvalidReplyError}
 */
export function encodeUpdates(updates: readonly ContainerUpdate[]): Uint8Array {
  return synchronizeResponse.encode(writeUpdates({ update: updates.map(plainUpdate) }, '')).finish();
}

/** The updates of an encoded UpdateContainersResponse, which are those that failed. */
export function decodeFailedUpdates(payload: Uint8Array): ContainerUpdate[] {
  const { failed } = updateContainersResponse.decode(payload) as unknown as { failed: readonly WireObject[] };
  return failed.map(containerUpdateFrom);
}

function containerUpdateFrom(message: WireObject): ContainerUpdate {
  const { linux, ...plain } = readUpdate(message) as { linux?: { resources?: LinuxResources } };
  const resources = linux?.resources;
  return { ...plain, ...(resources === undefined ? {} : { resources }) } as ContainerUpdate;
}
