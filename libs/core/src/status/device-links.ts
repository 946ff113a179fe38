import { setTimeout as pause } from 'node:timers/promises';
import type { ClaimRecord, DeviceRecord } from '../attachments/claim-record.ts';
import type { PodSandbox } from '../backend/backend.ts';
import { carrierGraceMs } from '../inventory/carrier-grace.ts';
import type { StateInPod } from '../inventory/inventory.ts';
import { type PodLinkState, samePodLinkState } from '../links/pod-link-state.ts';
import { observeLinks, type ObservedLink } from './observed-links.ts';

/** How long {@link DeviceLinks.resume} waits for what cannot be read, in milliseconds. */
const resumePatienceMs = 1_000;

/** Follows links in pods, such as a `PodLinkWatch`. */
export interface LinkFollower {
  /** Follows a link under a key, in place of an earlier one. */
  watch(key: string, where: { readonly networkNamespacePath: string; readonly linkIndex: number }): void;
  /** Follows what a key stands for no longer: nothing is told of it any more. Repeatable. */
  unwatch(key: string): void;
  /** Has a listener called with each state of a link that differs from the last one told, the first one included, never from within `watch`. */
  onChange(listener: (key: string, state: PodLinkState) => void): void;
}

/** A device's link in a pod, and what has become of it. */
export interface DeviceLinkChange {
  readonly record: ClaimRecord;
  readonly device: DeviceRecord;
  readonly sandbox: PodSandbox;
  /** Its index there. */
  readonly linkIndex: number;
  readonly state: PodLinkState;
  /** What it was before; undefined at first sight. */
  readonly before: PodLinkState | undefined;
  /** Whether it has a carrier now and had none before, be it only for the moment in which nothing is said of it. */
  readonly carrierCame: boolean;
}

interface FollowedLink {
  readonly record: ClaimRecord;
  readonly device: DeviceRecord;
  readonly sandbox: PodSandbox;
  readonly index: number;
  state: PodLinkState | undefined;
  /** Until when the link may be without carrier without a word, in milliseconds of `Date.now`; only before it had one. */
  readonly settlesBy: number;
  /** Tells then of the carrier that the link still does not have. */
  settling?: NodeJS.Timeout;
}

/** Knows how the links of attached devices are, as long as they are in pods. */
export class DeviceLinks implements Disposable {
  readonly #followed = new Map<string, FollowedLink>();
  /** The same links by `backend/device`, of devices that only one claim can have. */
  readonly #ofDevice = new Map<string, FollowedLink>();
  readonly #onChange: (change: DeviceLinkChange) => void;
  readonly #isAttached: (claimUID: string, sandbox: PodSandbox) => boolean;
  readonly #follower: LinkFollower;
  /** Links that were resumed and not seen yet. */
  readonly #unseen = new Set<string>();
  #allSeen = () => {};

  /**
   * @param isAttached whether a claim is wholly in a sandbox, and not on its way back, by whichever instance
   * @param onChange called whenever the state of a link has changed, also when it is first seen
   */
  constructor(
    follower: LinkFollower,
    isAttached: (claimUID: string, sandbox: PodSandbox) => boolean,
    onChange: (change: DeviceLinkChange) => void,
  ) {
    this.#onChange = onChange;
    this.#isAttached = isAttached;
    this.#follower = follower;
    follower.onChange((key, state) => this.#changed(key, state));
  }

  /**
   * Follows the links of a claim in a pod, in place of those followed before; what is known of one that is the same stays known.
   *
   * @param fresh whether the links have just come into the pod: they are given some seconds to find their carrier
   */
  follow(
    record: ClaimRecord,
    sandbox: PodSandbox,
    links: ReadonlyMap<DeviceRecord, ObservedLink>,
    fresh = false,
  ): void {
    for (const [device, { index }] of links) {
      const key = keyOf(record, device, sandbox);
      const earlier = this.#followed.get(key);
      const same = earlier?.index === index && earlier.sandbox.sandboxId === sandbox.sandboxId;
      const settlesBy = fresh ? Date.now() + carrierGraceMs : same ? earlier.settlesBy : 0;
      const state = same ? earlier.state : undefined;
      const link: FollowedLink = { record, device, sandbox, index, state, settlesBy };
      clearTimeout(earlier?.settling);
      this.#followed.set(key, link);
      if (device.shareId === undefined) this.#ofDevice.set(deviceKey(device.kind, device.device.name), link);
      this.#follower.watch(key, { networkNamespacePath: sandbox.networkNamespacePath, linkIndex: index });
    }
  }

  /**
   * Follows what was attached before this process began, found by its names in the pods: the runtime, which would tell of the pods, may come
   * much later than the first slice.
   *
   * @returns resolved when it is known how those links are, so that nothing else is published of them first; or a second later
   */
  async resume(records: readonly ClaimRecord[]): Promise<void> {
    for (const record of records) {
      for (const { sandbox } of record.attachments.filter(({ phase }) => phase === 'attached')) {
        try {
          this.follow(record, sandbox, observeLinks(record, sandbox, []));
        } catch {
          // The pod has gone meanwhile: what was in it is brought back when the runtime says so.
        }
      }
    }
    for (const key of this.#followed.keys()) this.#unseen.add(key);
    if (this.#unseen.size === 0) return;
    const known = new Promise<void>((resolve) => (this.#allSeen = resolve));
    await Promise.race([known, pause(resumePatienceMs, undefined, { ref: false })]);
  }

  /** Follows the links of a claim in a pod no longer. */
  leave(record: ClaimRecord, sandbox: PodSandbox): void {
    for (const device of record.devices) {
      const key = keyOf(record, device, sandbox);
      const link = this.#followed.get(key);
      if (link === undefined) continue;
      clearTimeout(link.settling);
      this.#see(key);
      this.#followed.delete(key);
      this.#follower.unwatch(key);
      const ofDevice = deviceKey(device.kind, device.device.name);
      if (this.#ofDevice.get(ofDevice) === link) this.#ofDevice.delete(ofDevice);
    }
  }

  /** How the link of a device that only one claim can have is in its pod; undefined when that is not known. */
  stateInPod(kind: string, deviceName: string): StateInPod | undefined {
    const link = this.#ofDevice.get(deviceKey(kind, deviceName));
    // Another instance may have taken it back, of which this one hears nothing if the link was gone before.
    if (link === undefined || !this.#isAttached(link.record.claim.uid, link.sandbox)) return undefined;
    return stateInPod(link.state);
  }

  /** Whether a device's link is known to be in a sandbox now. */
  isPresent(record: ClaimRecord, device: DeviceRecord, sandbox: PodSandbox): boolean {
    const link = this.#followed.get(keyOf(record, device, sandbox));
    return (
      link?.sandbox.sandboxId === sandbox.sandboxId && link.state !== undefined && link.state.kind !== 'gone'
    );
  }

  /** Follows a claim whose links have turned out to be in a sandbox, for instance because another instance has put them there. */
  found(record: ClaimRecord, sandbox: PodSandbox): void {
    try {
      this.follow(record, sandbox, observeLinks(record, sandbox, []));
    } catch {
      // The pod has gone meanwhile.
    }
  }

  /** Nothing is told after it returns. What follows the links stays the caller's to close. Repeatable. */
  [Symbol.dispose](): void {
    for (const { settling } of this.#followed.values()) clearTimeout(settling);
    this.#followed.clear();
    this.#ofDevice.clear();
  }

  /** Once what is being done has been done. */
  #see(key: string): void {
    if (this.#unseen.delete(key) && this.#unseen.size === 0) queueMicrotask(this.#allSeen);
  }

  #changed(key: string, state: PodLinkState): void {
    this.#see(key);
    const link = this.#followed.get(key);
    if (link === undefined) return;
    const { record, device, sandbox, state: before } = link;
    // It leaves because it is taken back.
    if (!this.#isAttached(record.claim.uid, sandbox)) return this.leave(record, sandbox);
    if (before !== undefined && samePodLinkState(before, state)) return;
    clearTimeout(link.settling);
    const ms = link.settlesBy - Date.now();
    if (before === undefined && state.kind === 'no-carrier' && ms > 0) {
      link.settling = setTimeout(() => this.#changed(key, state), ms);
      link.settling.unref();
      return;
    }
    link.state = state;
    const hadNone = before?.kind === 'no-carrier' || link.settling !== undefined;
    delete link.settling;
    this.#onChange({
      ...{ record, device, sandbox, state, before, linkIndex: link.index },
      carrierCame: state.kind === 'up' && hadNone,
    });
  }
}

function stateInPod(state: PodLinkState | undefined): StateInPod | undefined {
  switch (state?.kind) {
    case 'up':
      return 'carrier';
    case 'no-carrier':
    case 'gone':
      return state.kind;
    default:
      // The pod has set it down itself, or nothing is known yet.
      return undefined;
  }
}

function keyOf({ claim }: ClaimRecord, device: DeviceRecord, sandbox: PodSandbox): string {
  return [claim.uid, sandbox.podUID, device.interfaceName].join('/');
}

function deviceKey(kind: string, deviceName: string): string {
  return `${kind}/${deviceName}`;
}
