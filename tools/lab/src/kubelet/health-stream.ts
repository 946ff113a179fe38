import { Client, Metadata, credentials } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/grpc-js';
import { z } from 'zod';
import { draDescriptor } from '../generated/dra-descriptor.ts';
import { serviceDefinition } from '../grpc/unary-client.ts';
import { pause } from '../waiting/wait-until.ts';
import type { HealthReport, HealthState } from './device-health-cache.ts';
import { DraProtocolError } from './dra-protocol-error.ts';
import type { HealthServiceName } from './kubelet-release.ts';

/** What a {@link HealthStream} is set up with. */
export interface HealthStreamOptions {
  readonly driverName: string;
  /** Socket of the driver's service. */
  readonly endpoint: string;
  readonly service: HealthServiceName;
  /** Ms between the end of a stream and the next one. */
  readonly retryMs: number;
  /** Told of every message, the driver's complete list. */
  readonly onReport: (reports: readonly HealthReport[]) => void;
  /** Told when a stream has ended, however it did, and also when none came about. */
  readonly onEnd: () => void;
  /** Told of what the protocol forbids; the message counts nevertheless, as for the kubelet. */
  readonly onViolation: (error: DraProtocolError) => void;
}

const responseSchema = z.object({
  devices: z.array(
    z.object({
      device: z.object({ poolName: z.string(), deviceName: z.string() }).nullable(),
      // A state of a later version of the protocol arrives as its number.
      health: z.enum(['UNKNOWN', 'HEALTHY', 'UNHEALTHY']).catch('UNKNOWN'),
      healthCheckTimeoutSeconds: z.number(),
      message: z.string(),
    }),
  ),
});

type ReportedDevice = z.infer<typeof responseSchema>['devices'][number];

const states: Readonly<Record<ReportedDevice['health'], HealthState>> = {
  UNKNOWN: 'unknown',
  HEALTHY: 'healthy',
  UNHEALTHY: 'unhealthy',
};

/** How long a report holds that does not say, in ms (pkg/kubelet/cm/dra/healthinfo.go). */
const defaultTimeoutMs = 30_000;
/** `ResourceHealthMessageMaxLength` of core/v1. */
const longestMessage = 1024;

/** The health of a driver's devices, watched as the kubelet does: one stream, opened again some time after it has ended. */
export class HealthStream {
  readonly #options: HealthStreamOptions;
  readonly #client: Client;
  readonly #method: MethodDefinition<object, object>;
  readonly #closed = new AbortController();

  constructor(options: HealthStreamOptions) {
    this.#options = options;
    const method = serviceDefinition(draDescriptor, options.service)['NodeWatchResources'];
    if (method === undefined) throw new TypeError(`${options.service} has no method NodeWatchResources`);
    this.#method = method;
    this.#client = new Client(`unix:${options.endpoint}`, credentials.createInsecure(), {
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.min_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 500,
    });
    void this.#run();
  }

  /** Ends the stream under way and opens no other. */
  close(): void {
    this.#closed.abort();
    this.#client.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      await this.#watch(signal);
      this.#options.onEnd();
      await pause(this.#options.retryMs, signal);
    }
  }

  /** Opens a stream and resolves when it has ended. */
  #watch(signal: AbortSignal): Promise<void> {
    const { path, requestSerialize, responseDeserialize } = this.#method;
    return new Promise((resolve) => {
      const stream = this.#client.makeServerStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        {},
        new Metadata(),
      );
      const cancel = () => {
        stream.cancel();
      };
      const finish = () => {
        signal.removeEventListener('abort', cancel);
        resolve();
      };
      signal.addEventListener('abort', cancel, { once: true });
      stream.on('data', (message: object) => {
        if (!signal.aborted) this.#options.onReport(this.#read(message));
      });
      stream.on('error', finish);
      stream.on('end', finish);
    });
  }

  #read(message: object): HealthReport[] {
    const { devices } = responseSchema.parse(message);
    const seen = new Set<string>();
    return devices.map((reported): HealthReport => {
      const { poolName: pool = '', deviceName: device = '' } = reported.device ?? {};
      this.#judge(reported, `${pool}/${device}`, seen);
      const { health, healthCheckTimeoutSeconds: seconds, message: text } = reported;
      return {
        pool,
        device,
        health: states[health],
        message: text.length > longestMessage ? `${text.slice(0, longestMessage - 3)}...` : text,
        timeoutMs: seconds > 0 ? seconds * 1000 : defaultTimeoutMs,
      };
    });
  }

  #judge(reported: ReportedDevice, label: string, seen: Set<string>): void {
    const { poolName = '', deviceName = '' } = reported.device ?? {};
    if (poolName === '' || deviceName === '') this.#violated(`a device without pool or name ('${label}')`);
    if (seen.has(label)) this.#violated(`device ${label} twice`);
    seen.add(label);
    if (reported.healthCheckTimeoutSeconds < 0) this.#violated(`a negative time-out for device ${label}`);
    if (reported.message.length > longestMessage) {
      this.#violated(
        `a message of ${String(reported.message.length)} characters for device ${label}; 1,024 are kept`,
      );
    }
  }

  #violated(what: string): void {
    this.#options.onViolation(
      new DraProtocolError(this.#options.driverName, `NodeWatchResources reports ${what}`),
    );
  }
}
