import type { ContainerUpdate } from './container-update.ts';
import type { LinuxResources } from './linux-resources.ts';
import { plainDecoder } from './plain-decoder.ts';
import { plainWriter } from './plain-writer.ts';
import { nriType } from './wire-schema.ts';

const synchronizeResponse = nriType('SynchronizeResponse');
const writeUpdates = plainWriter(synchronizeResponse);
const decodeResponse = plainDecoder(nriType('UpdateContainersResponse'));

/** A ContainerUpdate message that was decoded. */
type PlainUpdate = { readonly linux?: { readonly resources?: LinuxResources } };

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
  const { failed } = decodeResponse(payload) as { failed: readonly PlainUpdate[] };
  return failed.map(({ linux, ...update }) => {
    const resources = linux?.resources;
    return { ...update, ...(resources === undefined ? {} : { resources }) } as ContainerUpdate;
  });
}
