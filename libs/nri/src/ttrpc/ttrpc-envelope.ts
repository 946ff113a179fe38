import { plainDecoder } from '../messages/plain-decoder.ts';
import { prepareType, wireType } from '../messages/wire-schema.ts';
import { statusCodes, TtrpcError, TtrpcRejection } from './ttrpc-error.ts';

const requestType = wireType('ttrpc.Request');
const responseType = wireType('ttrpc.Response');
const requestFrom = plainDecoder(requestType);
const responseFrom = plainDecoder(responseType);

/** Compiles the code for requests and responses ahead of the first one. */
export function prepareEnvelopes(): void {
  prepareType(requestType);
  prepareType(responseType);
}

/** What is called, and with what. */
export interface TtrpcRequest {
  /** 'nri.pkg.api.v1alpha1.Plugin'. */
  readonly service: string;
  /** 'RunPodSandbox'. */
  readonly method: string;
  /** The encoded request message. */
  readonly payload: Uint8Array;
  /** Set by who handles it, when the method alone does not say what was asked for. */
  label?: string;
}

/** The data of a request message. `timeoutMs` tells the other side how long the answer is waited for. */
export function encodeRequest({ service, method, payload }: TtrpcRequest, timeoutMs: number): Uint8Array {
  return requestType.encode({ service, method, payload, timeoutNano: timeoutMs * 1e6 }).finish();
}

/** @throws {@link TtrpcRejection} INVALID_ARGUMENT for data that is no request. */
export function decodeRequest(data: Uint8Array): TtrpcRequest {
  try {
    const { service, method, payload } = requestFrom(data) as unknown as TtrpcRequest;
    return { service, method, payload };
  } catch (error) {
    throw new TtrpcRejection(
      statusCodes.invalidArgument,
      'the data of the ttrpc message is no ttrpc request',
      {
        cause: error,
      },
    );
  }
}

/** The data of a response message that carries a reply. */
export function encodeReply(payload: Uint8Array): Uint8Array {
  return responseType.encode({ payload }).finish();
}

/** The data of a response message that carries a failure. */
export function encodeFailure(code: number, message: string): Uint8Array {
  return responseType.encode({ status: { code, message } }).finish();
}

/**
 * The encoded reply message in a response.
 *
 * @throws {@link TtrpcError} for a failure, or data that is no response (INTERNAL).
 */
export function decodeResponse(data: Uint8Array): Uint8Array {
  let response: { status?: { code: number; message: string }; payload: Uint8Array };
  try {
    response = responseFrom(data) as typeof response;
  } catch (error) {
    throw new TtrpcError(statusCodes.internal, 'the data of the ttrpc message is no ttrpc response', {
      cause: error,
    });
  }
  const { status } = response;
  if (status !== undefined && status.code !== 0) throw new TtrpcError(status.code, status.message);
  // Whoever waits for it reads it later, when there may be other bytes where the message was.
  return Uint8Array.from(response.payload);
}
