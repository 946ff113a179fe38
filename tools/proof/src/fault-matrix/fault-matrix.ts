import { shortened } from '../host/host-snapshot.ts';
import { ProofHost } from '../host/proof-host.ts';
import type { KillPoint } from '../faults/traced-process.ts';
import type { Continuation, Operation } from './operations.ts';
import type { Subject } from './subjects.ts';
import { World } from './world.ts';

/** How often this process does what its copies will do, before the first of them and before those of another subject. */
const warmingRounds = { first: 8, next: 1 };
/** How often a side effect that does not come is tried for. */
const attempts = 3;

/** One place in the matrix where the driver did not come out right. */
export interface Failure {
  readonly effect: number;
  readonly when: KillPoint['when'];
  /** The side effect in words. */
  readonly what: string;
  readonly continuation: string;
  readonly problem: string;
}

/** A row of the matrix: an operation on a subject, killed before and after each of its side effects. */
export interface Row {
  readonly subject: string;
  readonly operation: string;
  /** The side effects in their order. */
  readonly effects: readonly string[];
  /** How often the driver was killed. */
  readonly kills: number;
  /** How often the side effect did not come, in several attempts: what belongs to the end of an operation may take place before its count. */
  readonly absent: number;
  readonly failures: readonly Failure[];
  readonly milliseconds: number;
}

/** A failure in words, with the command that makes it happen again. */
export function failureText({ subject, operation }: Row, failure: Failure): string {
  const { effect, when, what, continuation, problem } = failure;
  return [
    `${subject}, ${operation}, killed ${when} side effect ${effect} (${what}), then ${continuation}:`,
    ...problem.split('\n').map((text) => `    ${text}`),
    `    again: bash tools/run.sh tools/proof/src/fault-matrix/main.ts --subject '${subject}' --operation '${operation}' --effect ${effect} --when ${when}`,
  ].join('\n');
}

/** Picks some of a row's points; all by default. */
export interface PointFilter {
  readonly effect?: number;
  readonly when?: string;
}

/** Fills the rows of one subject after the other, on a host in the namespace of this process. */
export class FaultMatrix {
  readonly #filter: PointFilter;
  #host: ProofHost | undefined;
  #subject: Subject | undefined;
  #warm = false;

  constructor(filter: PointFilter = {}) {
    this.#filter = filter;
  }

  /** Enumerates an operation's side effects, then kills the driver before and after each. */
  async row(subject: Subject, operation: Operation): Promise<Row> {
    const began = performance.now();
    const failures: Failure[] = [];
    const effects = await this.#uninterrupted(subject, operation, failures);
    let kills = 0;
    let absent = 0;
    for (const [effect, what] of effects.entries()) {
      for (const [index, when] of (['before', 'after'] as const).entries()) {
        if (!this.#wanted(effect, when)) continue;
        // What is after one side effect is before the next: both ways of going on are tried in every state.
        const continuation = operation.continuations[index % operation.continuations.length];
        if (continuation === undefined) continue;
        try {
          if (await this.#kill(subject, operation, continuation, { effect, when })) kills++;
          else absent++;
        } catch (error) {
          const problem = this.#broken(error);
          failures.push({ effect, when, what, continuation: continuation.name, problem });
        }
      }
    }
    return {
      ...{ subject: subject.name, operation: operation.name, effects, kills, absent, failures },
      milliseconds: performance.now() - began,
    };
  }

  /** The side effects of an operation that nobody interrupts; none when it does not come out right even so. */
  async #uninterrupted(
    subject: Subject,
    operation: Operation,
    failures: Failure[],
  ): Promise<readonly string[]> {
    let effects: readonly string[] = [];
    for (const continuation of operation.continuations) {
      try {
        effects = (await this.#through(subject, operation, continuation)) ?? [];
      } catch (error) {
        const point = { effect: -1, when: 'before', what: 'none' } as const;
        failures.push({ ...point, continuation: continuation.name, problem: this.#broken(error) });
      }
    }
    return effects;
  }

  /** @returns whether the driver has met the point, and has died of it */
  async #kill(
    subject: Subject,
    operation: Operation,
    continuation: Continuation,
    killAt: KillPoint,
  ): Promise<boolean> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const effects = await this.#through(subject, operation, continuation, killAt);
      if (effects !== undefined) return true;
    }
    return false;
  }

  /** What went wrong, in words; the next point gets a new host. */
  #broken(error: unknown): string {
    this.#host?.destroy();
    this.#host = undefined;
    return error instanceof Error ? error.message : String(error);
  }

  /** Removes what the matrix was made on. */
  end(): void {
    this.#host?.destroy();
  }

  /** @returns the side effects of the operation that came before the kill, or all without one; undefined when the kill did not come */
  async #through(
    subject: Subject,
    operation: Operation,
    continuation: Continuation,
    killAt?: KillPoint,
  ): Promise<readonly string[] | undefined> {
    const host = await this.#hostFor(subject);
    const world = new World(host, subject);
    try {
      if (operation.earlier !== undefined) await world.live(operation.earlier);
      if (operation.podDied) world.pod.end();
      const { effects, killed } = await world.live(operation.life, killAt);
      if (continuation.podDies) world.pod.end();
      await world.live(continuation.life);
      world.pod.end();
      const changes = host.changes();
      if (changes.length > 0) throw new Error(`the host is not what it was:\n${shortened(changes)}`);
      return killed === (killAt !== undefined) ? effects : undefined;
    } finally {
      world.pod.end();
    }
  }

  /** A host on which a claim has come and gone once, so that directories that stay are there. */
  async #hostFor(subject: Subject): Promise<ProofHost> {
    if (this.#host !== undefined && this.#subject === subject) return this.#host;
    this.#host?.destroy();
    this.#subject = subject;
    const cards = subject.wishes.filter(({ kind }) => kind === 'hostdev').length;
    const host = new ProofHost(Math.max(cards, 1));
    if (subject.leases === true) host.connectLeases();
    host.remember();
    this.#host = host;
    // In this process, which then has compiled what its copies run.
    const rounds = this.#warm ? warmingRounds.next : warmingRounds.first;
    this.#warm = true;
    for (let round = 0; round < rounds; round++) {
      const world = new World(host, subject);
      const driver = await world.begin();
      await driver.prepare(world.claim);
      await driver.hooks.runPodSandbox?.(world.pod.sandbox);
      await world.afterwork();
      await driver.hooks.stopPodSandbox?.(world.pod.sandbox);
      await driver.unprepare(world.claim);
      driver.end();
      world.pod.end();
    }
    host.rememberFiles();
    return host;
  }

  #wanted(effect: number, when: string): boolean {
    const { effect: wantedEffect = effect, when: wantedWhen = when } = this.#filter;
    return effect === wantedEffect && when === wantedWhen;
  }
}
