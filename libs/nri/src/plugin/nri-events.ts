import type { NriHandlers, RuntimeInfo } from './nri-handlers.ts';

/** What an event's request carries and its reply may say. */
export type EventKind = 'pod' | 'container' | 'podUpdate' | 'create' | 'update' | 'stop' | 'validate';

/** An event that plugins can subscribe to. */
export interface NriEvent {
  /** NRI's number; its bit in the event mask is number - 1. */
  readonly number: number;
  /** The name of its method. */
  readonly name: string;
  readonly handler: keyof NriHandlers;
  readonly kind: EventKind;
}

/** All events up to NRI 0.12, by number. Fact: containerd/nri, pkg/api/api.proto. */
export const nriEvents: readonly NriEvent[] = [
  { number: 1, name: 'RunPodSandbox', handler: 'runPodSandbox', kind: 'pod' },
  { number: 2, name: 'StopPodSandbox', handler: 'stopPodSandbox', kind: 'pod' },
  { number: 3, name: 'RemovePodSandbox', handler: 'removePodSandbox', kind: 'pod' },
  { number: 4, name: 'CreateContainer', handler: 'createContainer', kind: 'create' },
  { number: 5, name: 'PostCreateContainer', handler: 'postCreateContainer', kind: 'container' },
  { number: 6, name: 'StartContainer', handler: 'startContainer', kind: 'container' },
  { number: 7, name: 'PostStartContainer', handler: 'postStartContainer', kind: 'container' },
  { number: 8, name: 'UpdateContainer', handler: 'updateContainer', kind: 'update' },
  { number: 9, name: 'PostUpdateContainer', handler: 'postUpdateContainer', kind: 'container' },
  { number: 10, name: 'StopContainer', handler: 'stopContainer', kind: 'stop' },
  { number: 11, name: 'RemoveContainer', handler: 'removeContainer', kind: 'container' },
  { number: 12, name: 'UpdatePodSandbox', handler: 'updatePodSandbox', kind: 'podUpdate' },
  { number: 13, name: 'PostUpdatePodSandbox', handler: 'postUpdatePodSandbox', kind: 'pod' },
  {
    number: 14,
    name: 'ValidateContainerAdjustment',
    handler: 'validateContainerAdjustment',
    kind: 'validate',
  },
];

/** The last event before NRI 0.10 added three more. */
const lastOldEvent = 11;
/** Bit of RemoveContainer. */
const quietEvents = 1 << 10;

/** What to subscribe to, and what cannot be had from this runtime. */
export interface Subscription {
  /** For the answer to Configure. */
  readonly mask: number;
  /** Events that have a handler, but that the runtime does not know. */
  readonly unavailable: readonly string[];
}

/**
 * Exactly the events that have a handler and that the runtime knows: one unknown bit, and it closes the connection without a word.
 * Without any handler it is an event off every critical path, because 0 would mean all.
 */
export function subscribe(handlers: NriHandlers, runtime: RuntimeInfo): Subscription {
  const known = knowsNewEvents(runtime) ? nriEvents.length : lastOldEvent;
  let mask = 0;
  const unavailable: string[] = [];
  for (const event of nriEvents) {
    if (handlers[event.handler] === undefined) continue;
    if (event.number <= known) mask |= 1 << (event.number - 1);
    else unavailable.push(event.name);
  }
  return { mask: mask === 0 ? quietEvents : mask, unavailable };
}

/**
 * NRI ≥ 0.10 has events 12 to 14. NRI tells its version since 0.12; before that only the runtime's version says it: containerd 2.2 and
 * CRI-O 1.35 were the first. An unknown runtime counts as old.
 */
function knowsNewEvents({ name, version, nriVersion }: RuntimeInfo): boolean {
  if (nriVersion !== undefined) return true;
  switch (name.toLowerCase()) {
    case 'containerd':
      return atLeast(version, 2, 2);
    case 'cri-o':
      return atLeast(version, 1, 35);
    default:
      return false;
  }
}

/** Pre-releases of the first version count as older. */
function atLeast(version: string, major: number, minor: number): boolean {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?(-(?:alpha|beta|rc|dev))?/.exec(version);
  if (match === null) return false;
  const [theirMajor, theirMinor, theirPatch] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  if (theirMajor !== major) return theirMajor > major;
  if (theirMinor !== minor) return theirMinor > minor;
  return theirPatch > 0 || match[4] === undefined;
}
