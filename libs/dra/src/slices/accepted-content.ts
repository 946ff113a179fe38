import type { ResourceSlice, ResourceSliceSpec } from './resource-slice.ts';
import { droppedFields, keepTaintTimes, sliceContent } from './slice-content.ts';

/**
 * Remembers what the API server made of what it was sent. A server without some feature drops its fields without a word; comparing its
 * version with the desired one would then never end in agreement.
 */
export class AcceptedContent {
  /** By slice UID. */
  readonly #accepted = new Map<string, { readonly sent: string; readonly received: string }>();

  /** Takes note of an answer; returns the paths of the fields that the server dropped. */
  record(sent: ResourceSliceSpec, received: ResourceSlice): string[] {
    const devices = keepTaintTimes(sent.devices ?? [], received.spec.devices ?? []);
    const expected = { ...sent, devices };
    const contents = { sent: sliceContent(expected), received: sliceContent(received.spec) };
    if (contents.sent === contents.received) {
      this.#accepted.delete(received.metadata.uid);
      return [];
    }
    this.#accepted.set(received.metadata.uid, contents);
    return droppedFields(expected, received.spec);
  }

  /** Whether the slice says what the spec says, or is what the server once made of that very spec. */
  same(existing: ResourceSlice, spec: ResourceSliceSpec): boolean {
    const [wanted, present] = [sliceContent(spec), sliceContent(existing.spec)];
    if (wanted === present) return true;
    const accepted = this.#accepted.get(existing.metadata.uid);
    return accepted?.sent === wanted && accepted.received === present;
  }

  /** Forgets slices that are gone. */
  retain(slices: readonly ResourceSlice[]): void {
    const present = new Set(slices.map(({ metadata }) => metadata.uid));
    for (const uid of this.#accepted.keys()) if (!present.has(uid)) this.#accepted.delete(uid);
  }
}
