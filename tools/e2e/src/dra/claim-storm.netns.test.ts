/** Hundreds of claims prepared and unprepared in random order while the driver is killed again and again: nothing is left and nothing is lost. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RuntimelessNode, type TestClaim } from './runtimeless-node.ts';

const claims = 500;
const kills = 50;
/** Calls of the kubelet that are under way at a time. */
const callers = 8;

/** The same story every time (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}

let node: RuntimelessNode;
beforeAll(async () => {
  node = await RuntimelessNode.start({ cards: 6 });
}, 60_000);
afterAll(() => node.stop());

it(`${claims} claims prepared and unprepared while the driver is killed ${kills} times leave nothing behind`, async () => {
  const random = randomNumbers(1);
  const slices = await node.slices();
  let lives = 0;
  let finished = 0;
  let storm = true;

  /** One kubelet worker: takes a claim through its life, retrying whatever fails, as long as there are claims to take. */
  let taken = 0;
  async function work(): Promise<void> {
    while (taken < claims) {
      const claim = await node.allocate(`claim-${taken++}`, random);
      if (claim === undefined) {
        taken--;
        await pause(5);
        continue;
      }
      await untilDone(claim, 'prepare');
      // Some are prepared again, as a restarted kubelet does.
      if (random() < 0.2) await untilDone(claim, 'prepare');
      await pause(random() * 60);
      await untilDone(claim, 'unprepare');
      await node.release(claim);
      finished++;
    }
  }
  async function untilDone(claim: TestClaim, verb: 'prepare' | 'unprepare'): Promise<void> {
    for (;;) {
      const error = await node[verb](claim).catch((thrown: unknown) => `call failed: ${String(thrown)}`);
      if (error === '') return;
      // A living driver has no reason to refuse.
      if (!/call failed|UNAVAILABLE/.test(error))
        throw new Error(`${verb} of ${claim.reference.name}: ${error}`);
      await pause(10);
    }
  }
  async function killing(): Promise<void> {
    while (storm && lives < kills) {
      await pause(random() * 120);
      await node.driver.kill();
      await node.driver.start({ wait: false });
      await node.registered();
      lives++;
    }
  }

  const workers = Promise.all(Array.from({ length: callers }, work)).finally(() => (storm = false));
  await Promise.all([workers, killing()]);
  expect(finished).toBe(claims);
  // Claims may be through before the last kills.
  while (lives < kills) {
    await node.driver.kill();
    await node.driver.start({ wait: false });
    await node.registered();
    lives++;
  }

  for (const directory of ['claims', 'gates', 'metadata', 'namespaces']) {
    const path = join(node.driver.stateDirectory, directory);
    expect([directory, entries(path)]).toEqual([directory, []]);
  }
  expect(entries(node.cdiDirectory)).toEqual([]);
  await node.published();
  expect(await node.slices()).toEqual(slices);
  // Nothing is held: every card can be had at once.
  for (let card = 0; card < 6; card++) {
    const claim = await node.allocateDevice(`last-${card}`, `nic${card}`);
    expect(await node.prepare(claim)).toBe('');
  }
}, 240_000);

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
}
