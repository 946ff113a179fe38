/** The object that an event is about. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  /** Missing for objects that are in none; their events go to `default`. */
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
}

/** Something that happened to an object and that its owner should hear of. */
export interface ObjectEvent {
  readonly regarding: ObjectReference;
  /** `Warning` for what somebody should look at. */
  readonly type: 'Normal' | 'Warning';
  /** Why, in one CamelCase word for programs; 128 bytes are kept. */
  readonly reason: string;
  /** What the driver did or tried, in one CamelCase word; 128 bytes are kept. */
  readonly action: string;
  /** A sentence for people; 1,024 bytes are kept. */
  readonly note: string;
}

/** Who reports. */
export interface EventReporter {
  readonly controller: string;
  readonly instance: string;
}

/** How often an event has occurred. */
export interface Occurrences {
  readonly count: number;
  /** Milliseconds since 1970. */
  readonly lastSeenAt: number;
}

// Limits of the API server for events of events.k8s.io/v1; it refuses what is longer, or empty except for the note.
const longestNote = 1024;
const longestWord = 128;
const longestName = 253;

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Path of the collection that the event belongs to. */
export function eventsPath({ namespace }: ObjectReference): string {
  return `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespaceOf(namespace))}/events`;
}

/**
 * A name for an event, as client-go makes them: the object's, and nanoseconds in hexadecimal. The last three digits of the time are
 * random, since no clock here is that fine and another process may report about the same object.
 */
export function eventName(regarding: ObjectReference): string {
  const microseconds = Math.floor((performance.timeOrigin + performance.now()) * 1000);
  const unique = (BigInt(microseconds) * 1000n + BigInt(Math.floor(Math.random() * 1000))).toString(16);
  const room = longestName - unique.length - 1;
  const name = regarding.name.slice(0, room).replace(/[-.]+$/, '');
  return `${subdomain.test(name) ? name : 'event'}.${unique}`;
}

/** The event as events.k8s.io/v1 wants it. `first` is when it first occurred, in ms since 1970. */
export function eventBody(
  event: ObjectEvent,
  reporter: EventReporter,
  name: string,
  first: number,
  occurrences: Occurrences,
): object {
  const { apiVersion, kind, namespace, name: regardingName, uid } = event.regarding;
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace: namespaceOf(namespace) },
    eventTime: microTime(first),
    reportingController: reporter.controller,
    reportingInstance: cut(reporter.instance, longestWord),
    regarding: {
      apiVersion,
      kind,
      ...(namespace === undefined ? {} : { namespace }),
      name: regardingName,
      uid,
    },
    type: event.type,
    reason: cut(event.reason, longestWord) || 'Unknown',
    action: cut(event.action, longestWord) || 'Unknown',
    note: cut(event.note, longestNote),
    ...(occurrences.count > 1 ? seriesBody(occurrences) : {}),
  };
}

/** The part of an event that changes when it occurs again; a series has two at least. */
export function seriesBody({ count, lastSeenAt }: Occurrences): object {
  return { series: { count, lastObservedTime: microTime(lastSeenAt) } };
}

function namespaceOf(namespace: string | undefined): string {
  return namespace === undefined || namespace === '' ? 'default' : namespace;
}

/** meta/v1 `MicroTime`: six digits, no more and no less. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}

/** At most so many bytes, in whole characters; an ellipsis shows that something is missing. */
function cut(text: string, mostBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= mostBytes) return text;
  let end = mostBytes - Buffer.byteLength('…');
  // Not in the middle of a character: those bytes are 10xxxxxx in UTF-8.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${bytes.toString('utf8', 0, end)}…`;
}
