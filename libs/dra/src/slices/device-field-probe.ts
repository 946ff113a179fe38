import { isApiError } from '../kube/api-error.ts';
import { Backoff, pause } from '../kube/backoff.ts';
import type { BackoffOptions } from '../kube/backoff.ts';
import type { KubeApi } from '../kube/kube-api.ts';
import type { KubernetesObject } from '../kube/kubernetes-object.ts';
import { WakeUp } from '../kube/wake-up.ts';
import { silentLogger } from '../logger.ts';
import type { Logger } from '../logger.ts';
import {
  forgetResourceApiVersion,
  resourceApiPath,
  resourceApiVersion,
} from '../resource-api/resource-api-version.ts';
import { sliceForServer, sliceFromServer } from '../resource-api/slice-shape.ts';
import type { Device } from './device.ts';
import type { ResourceSliceSpec } from './resource-slice.ts';

/** Fields of a device that API servers drop while the feature behind them is off. */
export type OptionalDeviceField = 'allowMultipleAllocations';

/** Whose devices they would be, and who wants to know. */
export interface DeviceFieldProbeOptions {
  readonly api: KubeApi;
  readonly driverName: string;
  readonly nodeName: string;
  /** Told the fields that the API server keeps, after each time that it was asked. */
  readonly onResult: (kept: ReadonlySet<OptionalDeviceField>) => void;
  readonly logger?: Logger;
  readonly backoff?: BackoffOptions;
}

const defaultBackoff: BackoffOptions = { initialMs: 250, maximumMs: 60_000 };

/**
 * Finds out which fields of devices the API server keeps, so that a driver can publish its devices in a form that means the same without
 * them. It is asked by the dry run of a write: nothing is stored.
 */
export class DeviceFieldProbe {
  readonly #options: DeviceFieldProbeOptions;
  readonly #logger: Logger;
  readonly #wakeUp = new WakeUp();

  constructor(options: DeviceFieldProbeOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
  }

  /** Asks again soon: after something that may mean another API server, such as a broken watch. */
  again(): void {
    this.#wakeUp.wake();
  }

  /** Asks, patiently until there is an answer, and again whenever told to, until the signal is aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#options.backoff ?? defaultBackoff);
    while (!signal.aborted) {
      try {
        this.#options.onResult(await this.#ask(signal));
        backoff.reset();
        await this.#wakeUp.sleep(signal);
      } catch (error) {
        if (signal.aborted) return;
        // A version that an upgrade has removed.
        if (isApiError(error, 404)) forgetResourceApiVersion(this.#options.api);
        this.#logger.warn({ err: error }, 'cannot ask the API server for its features yet, trying again');
        await pause(backoff.next(isApiError(error) ? (error.retryAfterSeconds ?? 0) * 1000 : 0), signal);
      }
    }
  }

  async #ask(signal: AbortSignal): Promise<ReadonlySet<OptionalDeviceField>> {
    const { api, driverName, nodeName } = this.#options;
    const version = await resourceApiVersion(api);
    const metadata = { generateName: `${driverName}-probe-` };
    const body = sliceForServer(version, metadata, probeSpec(driverName, nodeName));
    const path = await resourceApiPath(api, '/resourceslices');
    const answer = await api.request<KubernetesObject>({
      method: 'POST',
      path,
      query: { dryRun: 'All' },
      body,
      signal,
    });
    const kept = new Set<OptionalDeviceField>();
    const [device] = sliceFromServer(version, answer).spec.devices ?? [];
    if (device?.allowMultipleAllocations === true) kept.add('allowMultipleAllocations');
    return kept;
  }
}

function probeSpec(driverName: string, nodeName: string): ResourceSliceSpec {
  const device: Device = {
    name: 'probe',
    attributes: {},
    capacity: { shares: { value: '2', requestPolicy: { default: '1', validValues: ['1'] } } },
    allowMultipleAllocations: true,
  };
  const pool = { name: `${nodeName}/probe`, generation: 1, resourceSliceCount: 1 };
  return { driver: driverName, nodeName, pool, devices: [device] };
}
