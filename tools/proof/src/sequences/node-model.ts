import { plannedClaims } from './scenario.ts';

/** Stands for all that a claim may be in while only repair can tell. */
const open = '?';

/** What should be true of a node, as far as a person could tell who has seen all commands. */
export class NodeModel {
  /** Whether the driver lives. */
  driver = true;
  /** Claims that are prepared, by name. */
  readonly prepared = new Set<string>();
  /** Those of them of which the driver may know nothing, because it died preparing or unpreparing them. */
  readonly unsure = new Set<string>();
  /** Pods whose sandbox runs. */
  readonly running = new Set<string>();
  /** Pods that have each claim, by the claim's name. */
  readonly attached = new Map<string, ReadonlySet<string>>();
  /** Links that were taken out of the host. */
  readonly disturbed = new Set<string>();
  /** Claims whose links a pod has changed. */
  readonly changed = new Set<string>();

  /** Whether what a claim's devices need is gone, so that they may be refused. */
  isDisturbed(name: string): boolean {
    const claim = plannedClaims.find((each) => each.name === name);
    return claim?.wishes.some(({ kind, device }) => this.disturbed.has(dependency(kind, device))) ?? true;
  }

  /** Where a claim is becomes open until the next repair. */
  doubt(name: string): void {
    this.attached.set(name, new Set([...(this.attached.get(name) ?? []), open]));
  }

  /** As {@link doubt}, for all that are prepared. */
  doubtAll(): void {
    for (const name of this.prepared) this.doubt(name);
  }

  /** A claim is not in a pod any more. */
  detached(name: string, pod: string): void {
    const left = [...(this.attached.get(name) ?? [])].filter((each) => each !== pod);
    this.attached.set(name, new Set(left));
  }

  /** The prepared claims of a pod. */
  claimsOf(pod: string): string[] {
    return plannedClaims
      .filter(({ name, pods: users }) => this.prepared.has(name) && users.includes(pod))
      .map(({ name }) => name);
  }

  /** After the driver has been told what runs, each claim that it knows is in its pods that run, and nowhere else. */
  repaired(): void {
    for (const { name, pods: users } of plannedClaims) {
      if (!this.prepared.has(name) || this.unsure.has(name)) continue;
      this.attached.set(name, new Set(users.filter((pod) => this.running.has(pod))));
    }
  }

  /** How many links a pod must have; undefined when that is open. */
  linksIn(pod: string): number | undefined {
    if (!this.driver) return undefined;
    let sum = 0;
    for (const { name, pods: users, wishes } of plannedClaims) {
      if (!this.prepared.has(name) || !users.includes(pod)) continue;
      const has = this.attached.get(name);
      if (has?.has(open) || this.isDisturbed(name) || this.changed.has(name)) return undefined;
      if (has?.has(pod)) sum += wishes.length;
    }
    return sum;
  }
}

/** The host's link without which a device is not what it was. */
function dependency(kind: string, device: string): string {
  if (kind === 'hostdev') return device;
  if (kind === 'macvlan') return 'uplink0';
  return device.startsWith('blue') ? 'br-blue' : 'lo';
}
