import type { Logger } from '../logger.ts';
import type { ContainerUpdate } from '../messages/container-update.ts';
import { encodeUpdates } from '../messages/container-updates.ts';
import { enumWords } from '../messages/enum-words.ts';
import { plainDecoder, type PlainMessage } from '../messages/plain-decoder.ts';
import { containerFrom } from '../messages/read-container.ts';
import { podSandboxFrom } from '../messages/read-pod-sandbox.ts';
import { nriEnum, nriType, pluginServiceName } from '../messages/wire-schema.ts';
import type { TtrpcRequest } from '../ttrpc/ttrpc-envelope.ts';
import { statusCodes, TtrpcRejection } from '../ttrpc/ttrpc-error.ts';
import type { EventMethod, Eventually } from './event-methods.ts';
import { emptyReply, andThen } from './event-methods.ts';
import { subscribe } from './nri-events.ts';
import type { NriHandlers, RuntimeInfo } from './nri-handlers.ts';

const configureResponse = nriType('ConfigureResponse');
const synchronizeResponse = nriType('SynchronizeResponse');
const decodeConfigure = plainDecoder(nriType('ConfigureRequest'));
const decodeSynchronize = plainDecoder(nriType('SynchronizeRequest'));
const decodeStateChange = plainDecoder(nriType('StateChangeEvent'));
/** NRI's numbers of events by the words that decoding makes of them. */
const eventNumbers = enumWords(nriEnum('Event')).numberOf;

/** Containerd's and CRI-O's defaults, for runtimes before NRI 0.7, which do not tell theirs. */
const defaultTimeouts = { registrationTimeoutMs: 5000, requestTimeoutMs: 2000 };

/** The plugin's service on one connection: configuration and synchronization belong to a connection, handlers to the plugin. */
export class PluginService {
  readonly #handlers: NriHandlers;
  readonly #methods: readonly EventMethod[];
  readonly #logger: Logger;
  #runtime: RuntimeInfo | undefined;
  #synchronized = false;
  #pods: PlainMessage[] = [];
  #containers: PlainMessage[] = [];

  constructor(handlers: NriHandlers, methods: readonly EventMethod[], logger: Logger) {
    this.#handlers = handlers;
    this.#methods = methods;
    this.#logger = logger;
  }

  /** Known from the Configure request on. */
  get runtime(): RuntimeInfo | undefined {
    return this.#runtime;
  }

  /** Whether the last part of Synchronize was handled. */
  get synchronized(): boolean {
    return this.#synchronized;
  }

  /** Answers a call of the runtime; labels StateChange calls with the event's name. */
  handle(request: TtrpcRequest): Eventually<Uint8Array> {
    const { service, method } = request;
    if (service !== pluginServiceName) {
      throw new TtrpcRejection(
        statusCodes.unimplemented,
        `this is an NRI plugin, it has no service ${service}`,
      );
    }
    const event = this.#methods.find((candidate) => candidate.event.name === method);
    if (event !== undefined) return event.answer(decoded(event.decode, request));
    switch (method) {
      case 'StateChange':
        return this.#stateChange(request);
      case 'Configure':
        return this.#configure(request);
      case 'Synchronize':
        return this.#synchronize(request);
      case 'Shutdown':
        return andThen(this.#handlers.shutdown?.(), () => emptyReply);
      default:
        throw new TtrpcRejection(statusCodes.unimplemented, `the NRI plugin has no method ${method}`);
    }
  }

  #stateChange(request: TtrpcRequest): Eventually<Uint8Array> {
    const change = decoded(decodeStateChange, request);
    const method = this.#methods[(eventNumbers.get(change['event'] as string) ?? 0) - 1];
    // Events of a later NRI: nothing was subscribed to that has this number.
    if (method === undefined) return emptyReply;
    request.label = method.event.name;
    return method.answer(change);
  }

  #configure(request: TtrpcRequest): Eventually<Uint8Array> {
    const message = decoded(decodeConfigure, request);
    const nriVersion = message['nriVersion'] as string;
    const runtime: RuntimeInfo = {
      name: message['runtimeName'] as string,
      version: message['runtimeVersion'] as string,
      ...(nriVersion === '' ? {} : { nriVersion }),
      config: message['config'] as string,
      registrationTimeoutMs: Number(message['registrationTimeout']) || defaultTimeouts.registrationTimeoutMs,
      requestTimeoutMs: Number(message['requestTimeout']) || defaultTimeouts.requestTimeoutMs,
    };
    this.#runtime = runtime;
    const { mask, unavailable } = subscribe(this.#handlers, runtime);
    if (unavailable.length > 0) {
      this.#logger.warn(
        { runtime, events: unavailable },
        'the runtime does not know some of the events that have a handler',
      );
    }
    return andThen(this.#handlers.configure?.(runtime), () =>
      configureResponse.encode({ events: mask }).finish(),
    );
  }

  #synchronize(request: TtrpcRequest): Eventually<Uint8Array> {
    const part = decoded(decodeSynchronize, request);
    this.#pods.push(...(part['pods'] as readonly PlainMessage[]));
    this.#containers.push(...(part['containers'] as readonly PlainMessage[]));
    // The runtime takes anything but the same `more`, without updates, as a plugin that cannot do parts.
    if (part['more'] === true) return synchronizeResponse.encode({ more: true }).finish();
    const [pods, containers] = [this.#pods.map(podSandboxFrom), this.#containers.map(containerFrom)];
    this.#pods = [];
    this.#containers = [];
    const updates: Eventually<void | readonly ContainerUpdate[]> = this.#handlers.synchronize?.(
      pods,
      containers,
    );
    return andThen(updates, (list) => {
      const reply = encodeUpdates(list ?? []);
      this.#synchronized = true;
      return reply;
    });
  }
}

function decoded(
  decode: (payload: Uint8Array) => PlainMessage,
  { method, payload }: TtrpcRequest,
): PlainMessage {
  try {
    return decode(payload);
  } catch (error) {
    throw new TtrpcRejection(statusCodes.invalidArgument, `the payload is no request of ${method}`, {
      cause: error,
    });
  }
}
