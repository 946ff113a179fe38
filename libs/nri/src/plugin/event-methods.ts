import type protobuf from 'protobufjs/light.js';
import type { CreateContainerResult } from '../messages/container-adjustment.ts';
import { encodeCreateContainerResult, encodeUpdateContainerResult } from '../messages/container-results.ts';
import type { ContainerUpdate, UpdateContainerResult } from '../messages/container-update.ts';
import { encodeUpdates } from '../messages/container-updates.ts';
import type { LinuxResources } from '../messages/linux-resources.ts';
import { plainReader } from '../messages/plain-reader.ts';
import type { WireObject } from '../messages/plain-reader.ts';
import { containerFrom } from '../messages/read-container.ts';
import { podSandboxFrom } from '../messages/read-pod-sandbox.ts';
import { containerValidationFrom } from '../messages/read-validation.ts';
import { nriType, prepareType } from '../messages/wire-schema.ts';
import { prepareEnvelopes } from '../ttrpc/ttrpc-envelope.ts';
import type { NriEvent } from './nri-events.ts';
import { nriEvents } from './nri-events.ts';
import type { NriHandlers } from './nri-handlers.ts';

/** A value, or the promise of one: whoever answers at once spares the runtime a turn of the event loop. */
export type Eventually<T> = T | Promise<T>;

/** How an event is answered. */
export interface EventMethod {
  readonly event: NriEvent;
  readonly requestType: protobuf.Type;
  /** From the decoded request, or a StateChangeEvent, which has the same fields, to the encoded reply. */
  answer(request: WireObject): Eventually<Uint8Array>;
}

/** The reply that says nothing. */
export const emptyReply = new Uint8Array();

const readResources = plainReader(nriType('LinuxResources'));
const validateResponse = nriType('ValidateContainerAdjustmentResponse');

/** All events that NRI has, answered by the handlers; an event without a handler with the empty reply. */
export function eventMethods(handlers: NriHandlers): readonly EventMethod[] {
  return nriEvents.map((event) => ({
    event,
    requestType: nriType(`${event.name}Request`),
    answer: handlers[event.handler] === undefined ? () => emptyReply : answerWith(handlers, event),
  }));
}

function answerWith(handlers: NriHandlers, { kind, handler: name }: NriEvent): EventMethod['answer'] {
  // Which arguments a handler takes goes with the event's kind; the casts below repeat what NriHandlers says of each kind.
  const handler = (handlers[name] as (...args: unknown[]) => Eventually<unknown>).bind(handlers);
  switch (kind) {
    case 'pod':
      return (request) => andThen(handler(podOf(request)), () => emptyReply);
    case 'container':
      return (request) => andThen(handler(podOf(request), containerOf(request)), () => emptyReply);
    case 'podUpdate':
      return (request) =>
        andThen(
          handler(
            podOf(request),
            resourcesOf(request['overheadLinuxResources']),
            resourcesOf(request['linuxResources']),
          ),
          () => emptyReply,
        );
    case 'create':
      return (request) =>
        andThen(handler(podOf(request), containerOf(request)), (result) =>
          isNothing(result) ? emptyReply : encodeCreateContainerResult(result as CreateContainerResult),
        );
    case 'update':
      return (request) =>
        andThen(
          handler(podOf(request), containerOf(request), resourcesOf(request['linuxResources'])),
          (result) =>
            isNothing(result) ? emptyReply : encodeUpdateContainerResult(result as UpdateContainerResult),
        );
    case 'stop':
      return (request) =>
        andThen(handler(podOf(request), containerOf(request)), (result) =>
          isNothing(result) ? emptyReply : encodeUpdates(result as readonly ContainerUpdate[]),
        );
    case 'validate':
      return (request) =>
        andThen(handler(containerValidationFrom(request)), (reason) =>
          isNothing(reason)
            ? emptyReply
            : validateResponse.encode({ reject: true, reason: String(reason) }).finish(),
        );
  }
}

/** Compiles what answering the events that have a handler takes, so that the first hook is as fast as the others. */
export function prepareEventMethods(handlers: NriHandlers, methods: readonly EventMethod[]): void {
  for (const name of ['ConfigureRequest', 'ConfigureResponse', 'SynchronizeRequest', 'SynchronizeResponse']) {
    prepareType(nriType(name));
  }
  prepareType(nriType('StateChangeEvent'));
  prepareEnvelopes();
  for (const { event, requestType } of methods) {
    if (handlers[event.handler] === undefined) continue;
    prepareType(requestType);
    prepareType(nriType(`${event.name}Response`));
  }
}

/** Goes on with a value at once, with a promise's value when it is there. */
export function andThen<T, R>(value: Eventually<T>, next: (value: T) => R): Eventually<R> {
  return isThenable(value) ? value.then(next) : next(value as T);
}

function isThenable<T>(value: Eventually<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

function podOf(request: WireObject): ReturnType<typeof podSandboxFrom> {
  return podSandboxFrom(request['pod'] as WireObject | null);
}

function containerOf(request: WireObject): ReturnType<typeof containerFrom> {
  return containerFrom(request['container'] as WireObject | null);
}

function resourcesOf(message: unknown): LinuxResources | undefined {
  return isNothing(message) ? undefined : readResources(message as WireObject);
}

function isNothing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}
