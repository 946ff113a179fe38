import { status } from '@grpc/grpc-js';
import type { sendUnaryData, ServerUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { ClaimReference } from '../claims/allocated-claim.ts';
import { baseRequestName } from '../claims/resolve-claim.ts';
import { describeError } from '../describe-error.ts';
import type { ClaimOperations, ClaimOutcome } from './claim-operations.ts';
import type { PreparedDevice } from './dra-driver.ts';

/** What the kubelet is told about the plugin (`pluginregistration.PluginInfo`). */
export interface PluginInfo {
  readonly type: 'DRAPlugin';
  readonly name: string;
  /** Path of the service socket. */
  readonly endpoint: string;
  /** Best first. */
  readonly supportedVersions: readonly string[];
}

/** The kubelet's verdict (`pluginregistration.RegistrationStatus`). */
export interface RegistrationStatus {
  readonly registered: boolean;
  readonly error?: string;
}

interface ClaimsRequest {
  readonly claims: readonly ClaimReference[];
}

/** Implements `pluginregistration.Registration`. */
export function registrationImplementation(
  info: PluginInfo,
  onStatus: (status: RegistrationStatus) => void,
): UntypedServiceImplementation {
  return {
    GetInfo(_call: ServerUnaryCall<unknown, unknown>, reply: sendUnaryData<unknown>) {
      reply(null, info);
    },
    NotifyRegistrationStatus(
      call: ServerUnaryCall<{ pluginRegistered: boolean; error: string }, unknown>,
      reply: sendUnaryData<unknown>,
    ) {
      const { pluginRegistered, error } = call.request;
      onStatus(pluginRegistered ? { registered: true } : { registered: false, error });
      // Staying alive keeps the socket, and the kubelet tries again as long as that is there.
      if (pluginRegistered) reply(null, {});
      else
        reply({
          code: status.FAILED_PRECONDITION,
          details: `The kubelet refused the registration: ${error}`,
        });
    },
  };
}

/** Implements `DRAPlugin`; `withShareIds` for v1, whose `Device` has that field. */
export function draPluginImplementation(
  operations: ClaimOperations,
  withShareIds: boolean,
): UntypedServiceImplementation {
  return {
    NodePrepareResources(call: ServerUnaryCall<ClaimsRequest, unknown>, reply: sendUnaryData<unknown>) {
      const answer = operations.prepare(claimsOf(call), abortedWith(call));
      respond(answer, reply, ({ devices, error }) =>
        error === undefined
          ? { devices: devices.map((device) => wireDevice(device, withShareIds)) }
          : { error },
      );
    },
    NodeUnprepareResources(call: ServerUnaryCall<ClaimsRequest, unknown>, reply: sendUnaryData<unknown>) {
      const answer = operations.unprepare(claimsOf(call), abortedWith(call));
      respond(answer, reply, ({ error }) => (error === undefined ? {} : { error }));
    },
  };
}

function claimsOf(call: ServerUnaryCall<ClaimsRequest, unknown>): ClaimReference[] {
  return call.request.claims.map(({ uid, namespace, name }) => ({ uid, namespace, name }));
}

/** Aborted when the kubelet gives up on the call. */
function abortedWith(call: ServerUnaryCall<ClaimsRequest, unknown>): AbortSignal {
  const controller = new AbortController();
  const give = () => controller.abort(new Error('the kubelet cancelled the call or its deadline passed'));
  if (call.cancelled) give();
  else call.on('cancelled', give);
  return controller.signal;
}

function respond(
  outcomes: Promise<Record<string, ClaimOutcome>>,
  reply: sendUnaryData<unknown>,
  entry: (outcome: ClaimOutcome) => object,
): void {
  outcomes.then(
    (claims) => {
      const entries = Object.entries(claims).map(([uid, outcome]) => [uid, entry(outcome)]);
      reply(null, { claims: Object.fromEntries(entries) });
    },
    (error: unknown) => reply({ code: status.INTERNAL, details: describeError(error) }),
  );
}

function wireDevice(device: PreparedDevice, withShareId: boolean): object {
  return {
    requestNames: [...new Set(device.requestNames.map(baseRequestName))],
    poolName: device.poolName,
    deviceName: device.deviceName,
    cdiDeviceIds: device.cdiDeviceIds,
    ...(withShareId && device.shareId !== undefined ? { shareId: device.shareId } : {}),
  };
}
