import type { ContainerAdjustment, CreateContainerResult } from './container-adjustment.ts';
import type { UpdateContainerResult } from './container-update.ts';
import { plainUpdate } from './container-updates.ts';
import { plainWriter } from './plain-writer.ts';
import { nriType } from './wire-schema.ts';

const createContainerResponse = nriType('CreateContainerResponse');
const updateContainerResponse = nriType('UpdateContainerResponse');
const writeCreateContainer = plainWriter(createContainerResponse);
const writeUpdateContainer = plainWriter(updateContainerResponse);

/** The encoded CreateContainerResponse. @throws {@link InvalidReplyError} */
export function encodeCreateContainerResult(result: CreateContainerResult): Uint8Array {
  const { updates, evictions, ...adjustment } = result;
  const plain = {
    adjust: plainAdjustment(adjustment),
    update: updates?.map(plainUpdate),
    evict: evictions,
  };
  return createContainerResponse.encode(writeCreateContainer(plain, '')).finish();
}

/** The encoded UpdateContainerResponse. @throws {@link InvalidReplyError} */
export function encodeUpdateContainerResult({ updates, evictions }: UpdateContainerResult): Uint8Array {
  const plain = { update: updates?.map(plainUpdate), evict: evictions };
  return updateContainerResponse.encode(writeUpdateContainer(plain, '')).finish();
}

/** As the ContainerAdjustment message has it: what is removed comes first, marked with a '-'. */
function plainAdjustment(adjustment: ContainerAdjustment): object {
  const {
    annotations,
    removeAnnotations,
    mounts,
    removeMounts,
    env,
    removeEnv,
    args,
    overrideArgs,
    cdiDevices,
    devices,
    removeDevices,
    linux,
    ...rest
  } = adjustment;
  const { namespaces, removeNamespaces, sysctl, removeSysctl, netDevices, removeNetDevices, ...settings } =
    linux ?? {};
  const hasLinux = linux !== undefined || devices !== undefined || removeDevices !== undefined;
  return {
    ...rest,
    annotations: { ...removals(removeAnnotations, ''), ...annotations },
    mounts: [...marked(removeMounts).map((destination) => ({ destination })), ...(mounts ?? [])],
    env: [
      ...marked(removeEnv).map((key) => ({ key })),
      ...Object.entries(env ?? {}).map(([key, value]) => ({ key, value })),
    ],
    // An empty first argument makes the runtime replace what another plugin set.
    args: overrideArgs === true ? ['', ...(args ?? [])] : args,
    cdiDevices: cdiDevices?.map((name) => ({ name })),
    linux: hasLinux
      ? {
          ...settings,
          devices: [...marked(removeDevices).map((path) => ({ path })), ...(devices ?? [])],
          namespaces: [...marked(removeNamespaces).map((type) => ({ type })), ...(namespaces ?? [])],
          sysctl: { ...removals(removeSysctl, ''), ...sysctl },
          netDevices: { ...removals(removeNetDevices, {}), ...netDevices },
        }
      : undefined,
  };
}

function marked(keys: readonly string[] | undefined): string[] {
  return (keys ?? []).map((key) => `-${key}`);
}

function removals<T>(keys: readonly string[] | undefined, value: T): Record<string, T> {
  return Object.fromEntries(marked(keys).map((key) => [key, value]));
}
