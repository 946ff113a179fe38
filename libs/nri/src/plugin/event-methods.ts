import type { CreateContainerResult } from '../messages/container-adjustment.ts';
import { encodeCreateContainerResult, encodeUpdateContainerResult } from '../messages/container-results.ts';
import type { ContainerUpdate, UpdateContainerResult } from '../messages/container-update.ts';
import { encodeUpdates } from '../messages/container-updates.ts';
import type { PlainMessage } from '../messages/plain-decoder.ts';
import { plainDecoder } from '../messages/plain-decoder.ts';
import { containerFrom } from '../messages/read-container.ts';
import { podSandboxFrom } from '../messages/read-pod-sandbox.ts';
import { containerValidationFrom } from '../messages/read-validation.ts';
import { nriType, prepareType } from '../messages/wire-schema.ts';
import { prepareEnvelopes } from '../ttrpc/ttrpc-envelope.ts';
import type { EventKind, NriEvent } from './nri-events.ts';
import { nriEvents } from './nri-events.ts';
import type { NriHandlers } from './nri-handlers.ts';

/** A value, or the promise of one: whoever answers at once spares the runtime a turn of the event loop. */
export type Eventually<T> = T | Promise<T>;

/** How an event is answered. */
export interface EventMethod {
  readonly event: NriEvent;
  /** @throws what protobuf.js throws for what is no request of the event */
  decode(payload: Uint8Array): PlainMessage;
  /** From the decoded request, or a StateChangeEvent, which has the same fields, to the encoded reply. */
  answer(request: PlainMessage): Eventually<Uint8Array>;
}

/** The reply that says nothing. */
export const emptyReply = new Uint8Array();

/** Events that are answered with more than that they were handled. */
const kindsWithReply: readonly EventKind[] = ['create', 'update', 'stop', 'validate'];
const validateResponse = nriType('ValidateContainerAdjustmentResponse');

/** All events that NRI has, answered by the handlers; an event without a handler with the empty reply. */
export function eventMethods(handlers: NriHandlers): readonly EventMethod[] {
  return nriEvents.map((event) => {
    // Nobody would look at what it carries.
    if (handlers[event.handler] === undefined) {
      return { event, decode: () => ({}), answer: () => emptyReply };
    }
    const decode = plainDecoder(nriType(`${event.name}Request`));
    return { event, decode, answer: answerWith(handlers, event) };
  });
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
          handler(podOf(request), request['overheadLinuxResources'], request['linuxResources']),
          () => emptyReply,
        );
    case 'create':
      return (request) =>
        andThen(handler(podOf(request), containerOf(request)), (result) =>
          isNothing(result) ? emptyReply : encodeCreateContainerResult(result as CreateContainerResult),
        );
    case 'update':
      return (request) =>
        andThen(handler(podOf(request), containerOf(request), request['linuxResources']), (result) =>
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
export function prepareEventMethods(handlers: NriHandlers): void {
  for (const name of ['ConfigureResponse', 'SynchronizeResponse']) prepareType(nriType(name));
  prepareEnvelopes();
  for (const { name, handler, kind } of nriEvents) {
    if (handlers[handler] === undefined || !kindsWithReply.includes(kind)) continue;
    prepareType(nriType(`${name}Response`));
  }
}

/** Goes on with a value at once, with a promise's value when it is there. */
export function andThen<T, R>(value: Eventually<T>, next: (value: T) => R): Eventually<R> {
  return isThenable(value) ? value.then(next) : next(value as T);
}

function isThenable<T>(value: Eventually<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

function podOf(request: PlainMessage): ReturnType<typeof podSandboxFrom> {
  return podSandboxFrom(request['pod'] as PlainMessage | undefined);
}

function containerOf(request: PlainMessage): ReturnType<typeof containerFrom> {
  return containerFrom(request['container'] as PlainMessage | undefined);
}

function isNothing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}
