// Long because: each thing that can happen on a node is a class of a few lines.
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { DriverDied } from './crashable-process.ts';
import type { NodeModel } from './node-model.ts';
import { cards, plannedClaims, pods } from './scenario.ts';
import type { Death, SequenceNode } from './sequence-node.ts';

/** How many turns of the timer may pass until a pod has what it should have. */
const repairs = 3;
const betweenRepairsMs = 200;

/** Something that happens on a node. */
type NodeCommand = fc.AsyncCommand<NodeModel, SequenceNode>;

/** Something that happens, what it does to the model, and how it is done; the node is looked at afterwards. */
abstract class Step implements NodeCommand {
  abstract check(model: Readonly<NodeModel>): boolean;
  abstract toString(): string;
  protected abstract take(model: NodeModel, node: SequenceNode): Promise<void>;

  async run(model: NodeModel, node: SequenceNode): Promise<void> {
    node.steps++;
    await this.take(model, node);
    node.assertCardsInOnePlace();
    for (const pod of pods) {
      const expected = model.running.has(pod) ? model.linksIn(pod) : undefined;
      let found = node.linksIn(pod);
      // Namespaces take their time to die, and have a link that is to be made anew until then: repair tries again.
      for (let turn = 0; turn < repairs && expected !== undefined && found !== expected; turn++) {
        await pause(betweenRepairsMs);
        await node.repair();
        found = node.linksIn(pod);
      }
      if (expected !== undefined && found !== expected)
        throw new Error(`pod ${pod} has ${found} links instead of ${expected} after ${this.toString()}`);
    }
  }
}

/** Something that the driver does, and in which it may die. */
abstract class DriverStep extends Step {
  readonly #death: Death | undefined;

  constructor(death: Death | undefined) {
    super();
    this.#death = death;
  }

  protected abstract act(model: NodeModel, node: SequenceNode): Promise<void>;
  /** What it does to the model when it came to its end; `failed` when the driver said no. */
  protected abstract done(model: NodeModel, failed: boolean): void;
  /** What it does to the model when the driver died in it. */
  protected abstract interrupted(model: NodeModel): void;
  /** Whether the driver may say no. */
  protected abstract mayFail(model: NodeModel): boolean;
  protected abstract readonly words: string;

  check(model: Readonly<NodeModel>): boolean {
    return model.driver;
  }

  toString(): string {
    const death = this.#death;
    return death === undefined
      ? this.words
      : `${this.words}, killed ${death.when} side effect ${death.effect}`;
  }

  protected async take(model: NodeModel, node: SequenceNode): Promise<void> {
    if (this.#death !== undefined) node.arm(this.#death);
    let problem: unknown;
    try {
      await this.act(model, node);
    } catch (error) {
      problem = error;
    }
    if (await node.endedAsPlanned()) {
      model.driver = false;
      this.interrupted(model);
      return;
    }
    if (problem !== undefined && (problem instanceof DriverDied || !this.mayFail(model))) throw problem;
    this.done(model, problem !== undefined);
  }
}

class Prepare extends DriverStep {
  readonly #claim: (typeof plannedClaims)[number];
  protected readonly words: string;

  constructor(claim: (typeof plannedClaims)[number], death: Death | undefined) {
    super(death);
    this.#claim = claim;
    this.words = `prepare '${claim.name}'`;
  }

  override check(model: Readonly<NodeModel>): boolean {
    const { name, wishes, pods: users } = this.#claim;
    const devices = wishes.map(({ device }) => device);
    // As scheduler and kubelet do it: no device twice, and before the pods run.
    const taken = plannedClaims.some(
      (other) =>
        other.name !== name &&
        model.prepared.has(other.name) &&
        other.wishes.some(({ device }) => devices.includes(device)),
    );
    return super.check(model) && !taken && !users.some((pod) => model.running.has(pod));
  }

  protected act(_model: NodeModel, node: SequenceNode): Promise<void> {
    return node.prepare(this.#claim.name);
  }

  protected done(model: NodeModel, failed: boolean): void {
    if (failed) return;
    if (!model.prepared.has(this.#claim.name)) model.attached.set(this.#claim.name, new Set());
    model.prepared.add(this.#claim.name);
    model.unsure.delete(this.#claim.name);
  }

  protected interrupted(model: NodeModel): void {
    // The kubelet asks again, or unprepares; until then it may be known to the driver or not.
    model.prepared.add(this.#claim.name);
    model.unsure.add(this.#claim.name);
    model.doubt(this.#claim.name);
  }

  protected mayFail(model: NodeModel): boolean {
    return model.isDisturbed(this.#claim.name);
  }
}

class Unprepare extends DriverStep {
  readonly #name: string;
  protected readonly words: string;

  constructor(name: string, death: Death | undefined) {
    super(death);
    this.#name = name;
    this.words = `unprepare '${name}'`;
  }

  protected act(_model: NodeModel, node: SequenceNode): Promise<void> {
    return node.unprepare(this.#name);
  }

  protected done(model: NodeModel, failed: boolean): void {
    if (failed) return;
    model.prepared.delete(this.#name);
    model.unsure.delete(this.#name);
    model.attached.delete(this.#name);
    model.changed.delete(this.#name);
  }

  protected interrupted(model: NodeModel): void {
    if (!model.prepared.has(this.#name)) return;
    model.unsure.add(this.#name);
    model.doubt(this.#name);
  }

  protected mayFail(): boolean {
    return false;
  }
}

class RunPod extends DriverStep {
  readonly #pod: string;
  protected readonly words: string;

  constructor(pod: string, death: Death | undefined) {
    super(death);
    this.#pod = pod;
    this.words = `run pod ${pod}`;
  }

  override check(model: Readonly<NodeModel>): boolean {
    return !model.running.has(this.#pod);
  }

  protected act(_model: NodeModel, node: SequenceNode): Promise<void> {
    return node.run(this.#pod);
  }

  protected done(model: NodeModel, failed: boolean): void {
    if (!failed) model.running.add(this.#pod);
    for (const name of model.claimsOf(this.#pod)) {
      if (!model.driver || failed) model.doubt(name);
      else if (!model.unsure.has(name) && !model.attached.get(name)?.has('?'))
        model.attached.set(name, new Set([...(model.attached.get(name) ?? []), this.#pod]));
    }
  }

  protected interrupted(model: NodeModel): void {
    // The runtime does not mind; the pod runs without what it should have.
    model.running.add(this.#pod);
    for (const name of model.claimsOf(this.#pod)) model.doubt(name);
  }

  protected mayFail(model: NodeModel): boolean {
    return model.claimsOf(this.#pod).some((name) => model.isDisturbed(name));
  }
}

class StopPod extends DriverStep {
  readonly #pod: string;
  protected readonly words: string;

  constructor(pod: string, death: Death | undefined) {
    super(death);
    this.#pod = pod;
    this.words = `stop pod ${pod}`;
  }

  override check(model: Readonly<NodeModel>): boolean {
    return model.running.has(this.#pod);
  }

  protected async act(model: NodeModel, node: SequenceNode): Promise<void> {
    model.running.delete(this.#pod);
    await node.stop(this.#pod);
  }

  protected done(model: NodeModel): void {
    for (const name of model.claimsOf(this.#pod)) {
      if (!model.driver) model.doubt(name);
      else model.detached(name, this.#pod);
    }
  }

  protected interrupted(model: NodeModel): void {
    for (const name of model.claimsOf(this.#pod)) model.doubt(name);
  }

  protected mayFail(): boolean {
    return false;
  }
}

class Synchronize extends DriverStep {
  protected readonly words = 'the runtime restarts';

  protected act(_model: NodeModel, node: SequenceNode): Promise<void> {
    return node.synchronize();
  }

  protected done(model: NodeModel): void {
    model.repaired();
  }

  protected interrupted(model: NodeModel): void {
    model.doubtAll();
  }

  protected mayFail(): boolean {
    return false;
  }
}

class PodDies extends Step {
  readonly #pod: string;

  constructor(pod: string) {
    super();
    this.#pod = pod;
  }

  check(model: Readonly<NodeModel>): boolean {
    return model.running.has(this.#pod);
  }

  protected async take(model: NodeModel, node: SequenceNode): Promise<void> {
    node.lose(this.#pod);
    model.running.delete(this.#pod);
    for (const name of model.claimsOf(this.#pod)) model.doubt(name);
  }

  toString(): string {
    return `pod ${this.#pod} dies`;
  }
}

class DriverDies extends Step {
  check(model: Readonly<NodeModel>): boolean {
    return model.driver;
  }

  protected async take(model: NodeModel, node: SequenceNode): Promise<void> {
    await node.kill();
    model.driver = false;
  }

  toString(): string {
    return 'the driver dies';
  }
}

class DriverStarts extends DriverStep {
  protected readonly words = 'the driver starts';

  override check(model: Readonly<NodeModel>): boolean {
    return !model.driver;
  }

  protected async act(model: NodeModel, node: SequenceNode): Promise<void> {
    model.driver = true;
    await node.start();
  }

  protected done(model: NodeModel): void {
    model.repaired();
  }

  protected interrupted(model: NodeModel): void {
    model.doubtAll();
  }

  protected mayFail(): boolean {
    return false;
  }
}

class Unplug extends Step {
  readonly #link: string;

  constructor(link: string) {
    super();
    this.#link = link;
  }

  check(model: Readonly<NodeModel>): boolean {
    return !model.disturbed.has(this.#link);
  }

  protected async take(model: NodeModel, node: SequenceNode): Promise<void> {
    node.unplug(this.#link);
    model.disturbed.add(this.#link);
  }

  toString(): string {
    return `${this.#link} is gone`;
  }
}

class Rename extends Step {
  readonly #pod: string;
  readonly #address: string | undefined;

  constructor(pod: string, address: string | undefined) {
    super();
    this.#pod = pod;
    this.#address = address;
  }

  check(model: Readonly<NodeModel>): boolean {
    return model.running.has(this.#pod);
  }

  protected async take(model: NodeModel, node: SequenceNode): Promise<void> {
    if (!node.rename(this.#pod, 'renamed0', this.#address)) return;
    for (const name of model.claimsOf(this.#pod)) model.changed.add(name);
  }

  toString(): string {
    return `pod ${this.#pod} renames a link${this.#address === undefined ? '' : ' and changes its address and alias'}`;
  }
}

/** In one of five cases. A driver that is dead does nothing, and what no driver does says little. */
const death = fc.oneof(
  { weight: 4, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.record({ effect: fc.nat(12), when: fc.constantFrom('before' as const, 'after' as const) }),
  },
);
const pod = fc.constantFrom(...pods);

/**
 * Sequences of commands; what does not make sense at its turn is left out when it comes.
 *
 * @param replayPath that of a failure, which was shown with its seed and path
 */
export function sequences(replayPath: string | undefined) {
  return fc.commands<NodeModel, SequenceNode, false>(
    [
      ...Array.from({ length: 3 }, () =>
        fc.tuple(fc.constantFrom(...plannedClaims), death).map(([claim, at]) => new Prepare(claim, at)),
      ),
      ...Array.from({ length: 3 }, () => fc.tuple(pod, death).map(([name, at]) => new RunPod(name, at))),
      ...Array.from({ length: 2 }, () => fc.tuple(pod, death).map(([name, at]) => new StopPod(name, at))),
      fc.tuple(fc.constantFrom(...plannedClaims), death).map(([{ name }, at]) => new Unprepare(name, at)),
      death.map((at) => new Synchronize(at)),
      pod.map((name) => new PodDies(name)),
      fc.constant(new DriverDies()),
      ...Array.from({ length: 2 }, () => death.map((at) => new DriverStarts(at))),
      fc.constantFrom(...cards, 'uplink0', 'br-blue').map((link) => new Unplug(link)),
      fc
        .tuple(pod, fc.constantFrom(undefined, '02:00:5e:00:53:77'))
        .map(([name, address]) => new Rename(name, address)),
    ],
    { maxCommands: 15, size: 'max', ...(replayPath === undefined ? {} : { replayPath }) },
  );
}
