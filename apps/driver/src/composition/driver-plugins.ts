import { join } from 'node:path';
import { errorFields, runtimeHooks } from '@patchbay/core';
import { DraPlugin, kubeletRelease, knowsSeveralInstances } from '@patchbay/dra';
import { NriPlugin } from '@patchbay/nri';
import type { ClaimFlow } from './claim-flow.ts';
import type { ClaimMemory } from './claim-memory.ts';
import type { DeviceFlow } from './device-flow.ts';
import type { DriverOptions } from './driver-options.ts';
import type { RepairFlow } from './repair-flow.ts';

/** Name under which the runtime knows the driver. */
const nriPluginName = 'patchbay';
/** How long the API server is waited for to say what the kubelet is, in milliseconds. */
const kubeletReleasePatienceMs = 5_000;

/** The kubelet's side of the driver. */
export async function draPlugin(
  options: DriverOptions,
  { preparer }: ClaimFlow,
  { holds, turn }: ClaimMemory,
  { health }: DeviceFlow,
  { repairer }: RepairFlow,
): Promise<DraPlugin> {
  const { config, api, metrics, logger } = options;
  const podUID = await socketsOwner(options);
  return new DraPlugin({
    driverName: config.driverName,
    nodeName: config.nodeName,
    driver: preparer,
    ...{ api, holds, health },
    ...(podUID === undefined ? {} : { podUID }),
    inTurn: (work) => turn.run(work),
    registryDirectory: config.kubelet.registryDirectory,
    pluginDirectory: join(config.kubelet.pluginsDirectory, config.driverName),
    logger: logger.child({ component: 'dra' }),
    onRequest: (request) => {
      metrics.observeClaim(request);
      // What one claim leaves behind, others may be waiting for.
      if (request.method === 'unprepare') repairer.soon();
    },
    onRegistration: ({ registered }) => metrics.observeConnection('kubelet', registered),
  });
}

/**
 * The pod UID that the sockets are named after, if the kubelet can do with such sockets. In doubt they have the plain names: those every
 * kubelet knows, and an instance that starts later takes them over.
 */
async function socketsOwner({ config, api, logger }: DriverOptions): Promise<string | undefined> {
  const { podUID } = config.kubelet;
  if (podUID === '') return undefined;
  try {
    const release = await kubeletRelease(api, config.nodeName, { timeoutMs: kubeletReleasePatienceMs });
    if (release !== undefined && knowsSeveralInstances(release)) return podUID;
    logger.warn(
      { kubelet: release },
      'the kubelet is older than 1.33 and knows one instance of a driver at a time: serving under the plain socket names; set maxSurge to 0 in the DaemonSet',
    );
  } catch (error) {
    logger.warn(
      errorFields(error),
      'the API server does not say which release the kubelet is: serving under the plain socket names',
    );
  }
  return undefined;
}

/** The runtime's side of the driver. */
export function nriPlugin(
  { config, metrics, logger }: DriverOptions,
  { attacher }: ClaimFlow,
  { ledger, gate }: ClaimMemory,
  { pods, repairer }: RepairFlow,
  signal: AbortSignal,
): NriPlugin {
  return new NriPlugin({
    name: nriPluginName,
    index: config.nri.pluginIndex,
    socketPath: config.nri.socketPath,
    logger: logger.child({ component: 'nri' }),
    handlers: runtimeHooks({
      ...{ ledger, attacher, gate, pods, repairer, signal },
      logger: logger.child({ component: 'hooks' }),
    }),
    onRequest: (request) => {
      metrics.observeHook(request);
      const { method, durationMs } = request;
      logger.debug({ method, durationMs }, 'hook answered');
    },
    onConnectionChange: ({ connected }) => {
      metrics.observeConnection('runtime', connected);
      if (!connected) pods.forget();
    },
  });
}
