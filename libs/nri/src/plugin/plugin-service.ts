import type protobuf from 'protobufjs/light.js';
import type { Logger } from '../logger.ts';
import type { ContainerUpdate } from '../messages/container-update.ts';
import { encodeUpdates } from '../messages/container-updates.ts';
import type { WireObject } from '../messages/plain-reader.ts';
import { containerFrom } from '../messages/read-container.ts';
import { podSandboxFrom } from '../messages/read-pod-sandbox.ts';
import { nriType, pluginServiceName } from '../messages/wire-schema.ts';
import type { TtrpcRequest } from '../ttrpc/ttrpc-envelope.ts';
import { statusCodes, TtrpcRejection } from '../ttrpc/ttrpc-error.ts';
import type { EventMethod, Eventually } from './event-methods.ts';
import { emptyReply, andThen } from './event-methods.ts';
import { subscribe } from './nri-events.ts';
import type { NriHandlers, RuntimeInfo } from './nri-handlers.ts';

const configureRequest = nriType('ConfigureRequest');
const configureResponse = nriType('ConfigureResponse');
const synchronizeRequest = nriType('SynchronizeRequest');
const synchronizeResponse = nriType('SynchronizeResponse');
const stateChangeEvent = nriType('StateChangeEvent');

/** Containerd's and CRI-O's defaults, for runtimes before NRI 0.7, which do not tell theirs. */
const defaultTimeouts = { registrationTimeoutMs: 5000, requestTimeoutMs: 2000 };

/** The plugin's service on one connection: configuration and synchronization belong to a connection, handlers to the plugin. */
export class PluginService {
  readonly #handlers: NriHandlers;
  readonly #methods: readonly EventMethod[];
  readonly #logger: Logger;
  #runtime: RuntimeInfo | undefined;
  #synchronized = false;
  #pods: WireObject[] = [];
  #containers: WireObject[] = [];

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
    const { service, method, payload } = request;
    if (service !== pluginServiceName) {
      throw new TtrpcRejection(
        statusCodes.unimplemented,
        `this is an NRI plugin, it has no service ${service}`,
      );
    }
    const event = this.#methods.find((candidate) => candidate.event.name === method);
    if (event !== undefined) return event.answer(decode(event.requestType, payload));
    switch (method) {
      case 'StateChange':
        return this.#stateChange(request);
      case 'Configure':
        return this.#configure(payload);
      case 'Synchronize':
        return this.#synchronize(payload);
      case 'Shutdown':
        return andThen(this.#handlers.shutdown?.(), () => emptyReply);
      default:
        throw new TtrpcRejection(statusCodes.unimplemented, `the NRI plugin has no method ${method}`);
    }
  }

  #stateChange(request: TtrpcRequest): Eventually<Uint8Array> {
    const change = decode(stateChangeEvent, request.payload);
    const method = this.#methods[(change['event'] as number) - 1];
    // Events of a later NRI: nothing was subscribed to that has this number.
    if (method === undefined) return emptyReply;
    request.label = method.event.name;
    return method.answer(change);
  }

  #configure(payload: Uint8Array): Eventually<Uint8Array> {
    const message = decode(configureRequest, payload);
    const nriVersion = message['NRIVersion'] as string;
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

  #synchronize(payload: Uint8Array): Eventually<Uint8Array> {
    const part = decode(synchronizeRequest, payload);
    this.#pods.push(...(part['pods'] as readonly WireObject[]));
    this.#containers.push(...(part['containers'] as readonly WireObject[]));
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

function decode(type: protobuf.Type, payload: Uint8Array): WireObject {
  try {
    return type.decode(payload) as unknown as WireObject;
  } catch (error) {
    throw new TtrpcRejection(statusCodes.invalidArgument, `the payload is no ${type.name}`, { cause: error });
  }
}
