import type { ResourceClaim } from '../apiserver/resources/resource-claim-schema.ts';
import { ConstraintState } from './device-constraint.ts';
import { fit, isSelected, room, UnschedulableError } from './device-request.ts';
import type { Alternative, Fit, PendingRequest } from './device-request.ts';
import type { PoolDevice, UnusablePool } from './device-pools.ts';
import type { DeviceUsage } from './device-usage.ts';

/** A device chosen for a request. */
export interface Choice {
  readonly request: PendingRequest;
  readonly alternative: Alternative;
  readonly candidate: PoolDevice;
  readonly fit: Exclude<Fit, { kind: 'none' }>;
}

/** What there is to choose from. */
export interface Supply {
  readonly devices: readonly PoolDevice[];
  readonly unusable: readonly UnusablePool[];
  /** Changed while searching, and left with the choices counted when the search succeeds. */
  readonly usage: DeviceUsage;
}

/** Devices tried before the search is given up; the problem is exponential, the lab's claims are small. */
const MAX_STEPS = 20_000;

/** Devices that one claim can be given (AllocationResultsMaxSize of resource.k8s.io). */
const MAX_RESULTS = 32;

/**
 * Chooses devices for all requests of all claims, so that selectors, constraints, taints and capacities hold; preferred
 * alternatives first, with backtracking. Throws {@link UnschedulableError} with what did not fit.
 */
export function allocateClaims(requests: readonly PendingRequest[], supply: Supply): Choice[] {
  const constraints = new Map<ResourceClaim, ConstraintState[]>();
  for (const { claim } of requests) {
    const states = claim.spec.devices.constraints?.map((constraint) => new ConstraintState(constraint));
    constraints.set(claim, states ?? []);
  }
  const all = devicesForAll(requests, supply);
  checkNumbers(requests, all);
  const search = new Search(requests, supply, constraints, all);
  if (search.from(0)) return search.choices;
  throw new UnschedulableError(explain(requests, supply, search.exhausted));
}

/** What requests for all devices mean: those that match, as long as they have room. Needs every pool to be complete and valid. */
function devicesForAll(
  requests: readonly PendingRequest[],
  { devices, unusable, usage }: Supply,
): Map<Alternative, readonly PoolDevice[]> {
  const found = new Map<Alternative, readonly PoolDevice[]>();
  for (const request of requests) {
    for (const alternative of request.alternatives.filter(({ count }) => count === undefined)) {
      for (const { driver, pool, problem } of unusable) {
        throw new UnschedulableError(
          `claim ${request.claim.metadata.name ?? ''}: request ${alternative.name}: asks for all devices, but pool ${driver}/${pool} is ${problem}`,
        );
      }
      const matching = devices.filter((candidate) => isSelected(request, alternative, candidate));
      found.set(
        alternative,
        matching.filter((candidate) => room(alternative, candidate, usage).kind !== 'none'),
      );
    }
  }
  return found;
}

function checkNumbers(
  requests: readonly PendingRequest[],
  all: ReadonlyMap<Alternative, readonly PoolDevice[]>,
): void {
  const least = new Map<ResourceClaim, number>();
  for (const { claim, alternatives } of requests) {
    const counts = alternatives.map((alternative) => alternative.count ?? all.get(alternative)?.length ?? 0);
    least.set(claim, (least.get(claim) ?? 0) + Math.min(...counts));
  }
  for (const [{ metadata }, number] of least) {
    if (number <= MAX_RESULTS) continue;
    throw new UnschedulableError(
      `claim ${metadata.name ?? ''}: number of requested devices ${String(number)} exceeds the claim limit of ${String(MAX_RESULTS)}`,
    );
  }
}

class Search {
  readonly choices: Choice[] = [];
  exhausted = false;
  readonly #requests: readonly PendingRequest[];
  readonly #supply: Supply;
  readonly #constraints: ReadonlyMap<ResourceClaim, readonly ConstraintState[]>;
  readonly #allDevices: ReadonlyMap<Alternative, readonly PoolDevice[]>;
  #steps = 0;

  constructor(
    requests: readonly PendingRequest[],
    supply: Supply,
    constraints: ReadonlyMap<ResourceClaim, readonly ConstraintState[]>,
    allDevices: ReadonlyMap<Alternative, readonly PoolDevice[]>,
  ) {
    this.#requests = requests;
    this.#supply = supply;
    this.#constraints = constraints;
    this.#allDevices = allDevices;
  }

  /** Satisfies the requests from an index on; true leaves the choices made, false leaves everything as it was. */
  from(index: number): boolean {
    const request = this.#requests[index];
    if (request === undefined) return true;
    return request.alternatives.some((alternative) => {
      if (alternative.count === undefined) {
        const devices = this.#allDevices.get(alternative) ?? [];
        return devices.length > 0 && this.#all(request, alternative, devices, 0, index);
      }
      const selected = this.#supply.devices.filter((candidate) =>
        isSelected(request, alternative, candidate),
      );
      return this.#some(request, alternative, selected, 0, alternative.count, index);
    });
  }

  #all(
    request: PendingRequest,
    alternative: Alternative,
    devices: readonly PoolDevice[],
    position: number,
    index: number,
  ): boolean {
    const candidate = devices[position];
    if (candidate === undefined) return this.from(index + 1);
    return this.#with(request, alternative, candidate, () =>
      this.#all(request, alternative, devices, position + 1, index),
    );
  }

  #some(
    request: PendingRequest,
    alternative: Alternative,
    devices: readonly PoolDevice[],
    start: number,
    missing: number,
    index: number,
  ): boolean {
    if (missing === 0) return this.from(index + 1);
    for (let position = start; position < devices.length; position += 1) {
      const candidate = devices[position];
      if (candidate === undefined) continue;
      // No device serves a request twice, not even one that can be shared; other requests may get further shares of it.
      const done = this.#with(request, alternative, candidate, () =>
        this.#some(request, alternative, devices, position + 1, missing - 1, index),
      );
      if (done) return true;
    }
    return false;
  }

  /** Tries to go on with a device chosen; takes the choice back when that fails. */
  #with(
    request: PendingRequest,
    alternative: Alternative,
    candidate: PoolDevice,
    proceed: () => boolean,
  ): boolean {
    this.#steps += 1;
    if (this.#steps > MAX_STEPS) {
      this.exhausted = true;
      return false;
    }
    const { claim } = request;
    const how = fit(claim, alternative, candidate, this.#supply.usage);
    if (how.kind === 'none') return false;
    if (this.choices.filter((choice) => choice.request.claim === claim).length >= MAX_RESULTS) return false;
    const undo: (() => void)[] = [];
    const holds = (this.#constraints.get(claim) ?? []).every((constraint) => {
      const remove = constraint.add(alternative.name, candidate);
      if (remove !== undefined) undo.push(remove);
      return remove !== undefined;
    });
    if (holds) {
      if (how.kind === 'whole') undo.push(this.#supply.usage.choose(candidate.id, claim));
      if (how.kind === 'share') undo.push(this.#supply.usage.consume(candidate.id, how.amounts));
      this.choices.push({ request, alternative, candidate, fit: how });
      if (proceed()) return true;
      this.choices.pop();
    }
    for (const remove of undo.reverse()) remove();
    return false;
  }
}

/** Says which request cannot be satisfied even alone; when each can, that they cannot be together. */
function explain(requests: readonly PendingRequest[], supply: Supply, exhausted: boolean): string {
  const lines = requests.flatMap((request) => {
    const texts = request.alternatives.map((alternative) => shortage(request, alternative, supply));
    return texts.some((text) => text === undefined) ? [] : texts.filter((text) => text !== undefined);
  });
  const pools = supply.unusable.map(({ driver, pool, problem }) => `pool ${driver}/${pool} is ${problem}`);
  if (lines.length > 0) return [...lines, ...pools].join('; ');
  const names = [...new Set(requests.map(({ claim }) => claim.metadata.name ?? ''))].join(', ');
  const reason = exhausted
    ? `no combination of devices found in ${String(MAX_STEPS)} steps`
    : 'each request could be satisfied alone, but not all together within the constraints';
  return [`claim ${names}: ${reason}`, ...pools].join('; ');
}

function shortage(request: PendingRequest, alternative: Alternative, supply: Supply): string | undefined {
  const counts = new Map<string, number>();
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  let fitting = 0;
  for (const candidate of supply.devices) {
    if (!isSelected(request, alternative, candidate)) {
      count('not selected');
      continue;
    }
    const how = fit(request.claim, alternative, candidate, supply.usage);
    if (how.kind === 'none') count(how.why);
    else fitting += 1;
  }
  const selected = supply.devices.length - (counts.get('not selected') ?? 0);
  if (fitting >= (alternative.count ?? Math.max(1, selected))) return undefined;
  const wanted =
    alternative.count === undefined ? 'all matching devices' : `${String(alternative.count)} device(s)`;
  const reasons = [...counts].map(([what, number]) => `${String(number)} ${what}`).join(', ');
  return (
    `claim ${request.claim.metadata.name ?? ''}: request ${alternative.name}: wants ${wanted} of class ` +
    `${alternative.deviceClass.metadata.name ?? ''}, ${String(fitting)} of ${String(supply.devices.length)} fit${reasons === '' ? '' : ` (${reasons})`}`
  );
}
