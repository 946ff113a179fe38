import { setTimeout as sleep } from 'node:timers/promises';
import type { BackendRegistry } from '../backend/backend-registry.ts';
import type { Device } from '../backend/device.ts';
import { errorFields } from '../errors/driver-errors.ts';
import type { Logger } from '../logging/logger.ts';
import { CarrierGrace } from './carrier-grace.ts';
import type { HeldInventoryDevice } from './held-devices.ts';
import { LookPace, type LookPaceOptions } from './look-pace.ts';
import { publishedForms, type Sharing, sharings } from './shared-devices.ts';

/** A device as it is published, and what of its state is known beside that. */
export interface InventoryDevice extends Device {
  /** A claim holds it, and it is not there any more. */
  readonly gone?: boolean;
}

/** All devices of one backend, in a stable order. */
export interface BackendDevices {
  readonly kind: string;
  readonly devices: readonly InventoryDevice[];
}

/** How the link of a device that is in a pod is. */
export type StateInPod = 'carrier' | 'no-carrier' | 'gone';

/** A device that is missing at one look and was on its way has arrived after so long, in milliseconds. */
const onItsWayMs = 20;

/** Between two times that what is known is taken together because links in pods have changed, in milliseconds. */
const settlePauseMs = 20;

/** What the {@link Inventory} works with. */
export interface InventoryOptions {
  readonly backends: BackendRegistry;
  /** Devices that claims hold: they stay in the inventory as they were when they were prepared, also while they are in a pod. */
  readonly heldDevices: () => Iterable<HeldInventoryDevice>;
  /** What is known of a held device's link in its pod; undefined when nothing is. Call {@link Inventory.settle} when it changes. */
  readonly stateInPod?: (kind: string, deviceName: string) => StateInPod | undefined;
  readonly logger: Logger;
  /** How soon after a change to look, and how often while changes never end. */
  readonly pace?: LookPaceOptions;
  /** How long a device that is back from a pod may look for its carrier, in milliseconds. */
  readonly carrierGraceMs?: number;
  /** How often to look without a change being reported, in milliseconds. */
  readonly resyncMs?: number;
}

/**
 * The devices of all enabled backends, kept live: what a backend reports as changed is only a hint to list again, and each link has one
 * owner, the first backend in the configured order.
 */
export class Inventory implements Disposable {
  readonly #options: InventoryOptions;
  readonly #pace: LookPace;
  readonly #grace: CarrierGrace;
  readonly #lastListed = new Map<string, readonly Device[]>();
  /** The same in both forms, by backend and name. */
  readonly #formsListed = new Map<string, ReadonlyMap<string, readonly Device[]>>();
  readonly #listeners = new Set<(devices: readonly BackendDevices[]) => void>();
  #sharing: Sharing = 'discrete';
  #current: readonly BackendDevices[] = [];
  /** Devices that several claims may have, as they would be published in the other {@link sharing}, by backend. */
  readonly #inOtherForm = new Map<string, readonly Device[]>();
  #fingerprint = '';
  #clashes: ReadonlySet<string> = new Set();
  /** What claims held when the last look began. */
  #heldAtLook: readonly HeldInventoryDevice[] = [];
  /** Held devices, `kind/name`, that were not there at the last look although they were in no pod. */
  #gone: ReadonlySet<string> = new Set();
  /** Whether something may have changed on the host since the last look began. */
  #stale = false;
  #wake: (() => void) | undefined;
  /** When what is known was last taken together, in milliseconds of `performance.now`. */
  #settledAt = -Infinity;
  #settling: NodeJS.Timeout | undefined;
  #refreshing: Promise<void> | undefined;
  #ended = false;

  constructor(options: InventoryOptions) {
    this.#options = options;
    this.#pace = new LookPace(options.pace);
    this.#grace = new CarrierGrace(() => this.settle(), options.carrierGraceMs);
  }

  /** The devices as of the last look, by backend in the configured order. */
  get devices(): readonly BackendDevices[] {
    return this.#current;
  }

  /** How devices that several claims may have at once are published. */
  get sharing(): Sharing {
    return this.#sharing;
  }

  set sharing(sharing: Sharing) {
    if (sharing === this.#sharing) return;
    this.#sharing = sharing;
    this.settle();
  }

  /**
   * A device by its backend and published name. Also finds devices in the form of the other {@link sharing}, which claims may have been
   * given before it changed.
   */
  device(kind: string, name: string): Device | undefined {
    const named = (device: Device) => device.name === name;
    return (
      this.#current.find((backend) => backend.kind === kind)?.devices.find(named) ??
      this.#inOtherForm.get(kind)?.find(named)
    );
  }

  /** Calls `listener` whenever the devices have changed. */
  onChange(listener: (devices: readonly BackendDevices[]) => void): void {
    this.#listeners.add(listener);
  }

  /** Looks again soon: for changes that only the driver itself knows of, such as a claim that let go of a device. */
  invalidate(): void {
    this.#stale = true;
    this.#wake?.();
  }

  /** As {@link settle}, at once if that was not done just before, else soon: for what may change many times in a moment. */
  settleSoon(): void {
    const pause = this.#settledAt + settlePauseMs - performance.now();
    if (pause <= 0) this.settle();
    else this.#settling ??= setTimeout(() => this.settle(), pause).unref();
  }

  /** Watches and lists until the signal is aborted. The first list is complete when {@link refresh} resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { backends, resyncMs = 60_000 } = this.#options;
    for (const { backend } of backends) backend.discovery.watch(() => this.invalidate(), signal);
    while (!signal.aborted) {
      const changed = new Promise<boolean>((resolve) => (this.#wake = () => resolve(true)));
      await this.refresh(signal);
      // A look that somebody else had begun before the change does not show it.
      const heard = this.#stale || (await within(resyncMs, changed, signal));
      if (heard) await pause(this.#pace.delay(performance.now()), signal);
    }
  }

  /** Lists all backends' devices now. Concurrent calls share one look. */
  refresh(signal: AbortSignal = new AbortController().signal): Promise<void> {
    this.#refreshing ??= this.#paced(() => this.#refresh(signal)).finally(
      () => (this.#refreshing = undefined),
    );
    return this.#refreshing;
  }

  /** Counts what looking costs. Other work of the process meanwhile counts as well, so that a busy driver looks less often. */
  async #paced(look: () => Promise<void>): Promise<void> {
    const before = process.cpuUsage();
    try {
      await look();
    } finally {
      const { user, system } = process.cpuUsage(before);
      this.#pace.looked((user + system) / 1000, performance.now(), this.#stale);
    }
  }

  async #refresh(signal: AbortSignal): Promise<void> {
    let missing = await this.#look(signal);
    // What was listed may be of a moment before or after that of what claims hold: a device on its way is missing at one look only.
    if (missing.some((device) => !this.#gone.has(device))) {
      await pause(onItsWayMs, signal);
      if (this.#ended) return;
      const still = new Set(await this.#look(signal));
      missing = missing.filter((device) => still.has(device));
    }
    if (signal.aborted) return;
    this.#gone = new Set(missing);
    this.settle();
  }

  /** Lists all backends' devices; returns the held ones, `kind/name`, that should be on the host and are not. */
  async #look(signal: AbortSignal): Promise<string[]> {
    this.#stale = false;
    const held = [...this.#options.heldDevices()];
    const expected = held.filter(mustBeOnHost);
    const missing: string[] = [];
    for (const { kind, backend } of this.#options.backends) {
      const ofKind = expected.filter((one) => one.kind === kind);
      try {
        const listed = await backend.discovery.list(signal);
        this.#lastListed.set(kind, listed);
        const forms = groupedByName(listed.flatMap(allForms));
        this.#formsListed.set(kind, forms);
        missing.push(...ofKind.filter(({ device }) => !isAmong(forms, device)).map(nameOf));
      } catch (error) {
        if (signal.aborted) return [];
        missing.push(...ofKind.map(nameOf).filter((device) => this.#gone.has(device)));
        this.#options.logger.error(
          { backend: kind, ...errorFields(error) },
          'discovery failed; keeping the devices found before',
        );
      }
    }
    this.#heldAtLook = held;
    return missing;
  }

  /** Nothing is taken together after it returns, nor is what claims hold asked for, whatever was still to come. Repeatable. */
  [Symbol.dispose](): void {
    this.#ended = true;
  }

  /** Takes what is known together again without looking at the host. */
  settle(): void {
    if (this.#ended) return;
    this.#settledAt = performance.now();
    clearTimeout(this.#settling);
    this.#settling = undefined;
    const held = this.#heldByKind();
    const underHeld = new Set([...held.values()].flat().flatMap(({ builtOn = [] }) => builtOn));
    const owned = new Set<number>();
    const clashes = new Map<string, readonly Device[]>();
    const current = this.#options.backends.kinds.map((kind) => {
      const found = (this.#lastListed.get(kind) ?? []).filter(
        ({ links = [], shares = 1 }) =>
          !links.some((link) => owned.has(link) || (shares === 1 && underHeld.has(link))),
      );
      for (const { links = [] } of found) for (const link of links) owned.add(link);
      const forms = found.flatMap((device) => publishedForms(device, this.#sharing));
      const other = this.#sharing === 'discrete' ? 'consumable' : 'discrete';
      this.#inOtherForm.set(
        kind,
        found.filter(({ shares = 1 }) => shares > 1).flatMap((device) => publishedForms(device, other)),
      );
      const devices = new Map<string, InventoryDevice>();
      for (const [name, namesakes] of groupedByName([...forms, ...(held.get(kind) ?? [])])) {
        const clash = new Set(namesakes.map(({ identity }) => identity)).size > 1;
        if (clash) clashes.set(`${kind}/${name}`, namesakes);
        const holding = namesakes.findLast((each) => held.get(kind)?.includes(each));
        const live = forms.find((form) => form.name === name);
        if (holding !== undefined) devices.set(name, this.#asHeld(kind, holding, clash ? undefined : live));
        else if (!clash && live !== undefined) devices.set(name, this.#asSeen(kind, live));
      }
      return { kind, devices: [...devices.values()].sort((a, b) => compareNames(a.name, b.name)) };
    });
    this.#report(clashes);
    const fingerprint = JSON.stringify(current);
    if (fingerprint === this.#fingerprint) return;
    this.#fingerprint = fingerprint;
    this.#current = current;
    for (const listener of this.#listeners) listener(current);
  }

  /** What a device on the host is like: as it is, but for a carrier that it may still be looking for. */
  #asSeen(kind: string, live: Device): InventoryDevice {
    const { carrier, ...device } = live;
    const meaning = this.#grace.meaning(`${kind}/${device.name}`, carrier);
    return meaning === carrier ? live : { ...device, ...(meaning === undefined ? {} : { carrier: meaning }) };
  }

  /** What a held device is like: as it was when it was prepared, but for the state of its link. One that others may take is as it is now. */
  #asHeld(kind: string, holding: InventoryDevice, live: Device | undefined): InventoryDevice {
    if (holding.allowMultipleAllocations === true && live !== undefined) return live;
    const { carrier: _before, gone: _then, ...device } = holding;
    const inPod = this.#options.stateInPod?.(kind, holding.name);
    const onHost = () => this.#grace.meaning(`${kind}/${holding.name}`, live?.carrier);
    const carrier = inPod === undefined ? onHost() : inPod === 'carrier';
    const gone = inPod === 'gone' || this.#gone.has(`${kind}/${holding.name}`);
    return { ...device, ...(carrier === undefined ? {} : { carrier }), ...(gone ? { gone } : {}) };
  }

  /** Held devices by backend. Those that were let go since the last look stay until the next one has found them where they are. */
  #heldByKind(): Map<string, Device[]> {
    const now = [...this.#options.heldDevices()];
    const known = new Set(now.map(nameOf));
    const away = now.filter((one) => !mustBeOnHost(one));
    const mayHaveCarrier = ({ kind, device }: HeldInventoryDevice) =>
      this.#options.stateInPod?.(kind, device.name) !== 'no-carrier';
    this.#grace.away(new Map(away.map((one) => [nameOf(one), mayHaveCarrier(one)])));
    const letGo = this.#heldAtLook.filter(
      (one) => !known.has(nameOf(one)) && !this.#formsListed.get(one.kind)?.has(one.device.name),
    );
    const held = new Map<string, Device[]>();
    for (const { kind, device } of [...letGo, ...now]) {
      held.set(kind, [...(held.get(kind) ?? []), device]);
    }
    return held;
  }

  /** Says once of each clash that it began. */
  #report(clashes: ReadonlyMap<string, readonly Device[]>): void {
    for (const [device, namesakes] of clashes) {
      if (this.#clashes.has(device)) continue;
      this.#options.logger.error(
        { device, identities: namesakes.map(({ identity }) => identity) },
        'several devices have one name; none is published unless a claim holds it, so that no claim gets the wrong one: rename all but one',
      );
    }
    this.#clashes = new Set(clashes.keys());
  }
}

function nameOf({ kind, device }: HeldInventoryDevice): string {
  return `${kind}/${device.name}`;
}

function allForms(device: Device): Device[] {
  return sharings.flatMap((sharing) => publishedForms(device, sharing));
}

function isAmong(byName: ReadonlyMap<string, readonly Device[]>, { name, identity }: Device): boolean {
  return byName.get(name)?.some((one) => one.identity === identity) ?? false;
}

/** A device from which links are made stays on the host; one that moves is there while it is in no pod. */
function mustBeOnHost({ device, away }: HeldInventoryDevice): boolean {
  return !away || device.allowMultipleAllocations === true;
}

function groupedByName(devices: readonly Device[]): Map<string, Device[]> {
  const groups = new Map<string, Device[]>();
  for (const device of devices) groups.set(device.name, [...(groups.get(device.name) ?? []), device]);
  return groups;
}

/** Orders `blue-2` before `blue-10`, the same on every node whatever its locale. */
const { compare: compareNames } = new Intl.Collator('en', { numeric: true });

/** Whether something comes before the time is over. */
async function within(milliseconds: number, wanted: Promise<boolean>, signal: AbortSignal): Promise<boolean> {
  const timer = new AbortController();
  const over = pause(milliseconds, AbortSignal.any([timer.signal, signal])).then(() => false);
  const came = await Promise.race([wanted, over]);
  timer.abort();
  return came;
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => {});
}
