import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../backend/json.ts';
import { DevicePlans } from '../links/device-plans.ts';
import { AttachmentsRig, claim, pod } from '../testing/attachments-rig.ts';
import { FakeBackend } from '../testing/fake-backend.ts';

let rig: AttachmentsRig;
beforeEach(() => {
  rig = new AttachmentsRig();
});
afterEach(() => rig[Symbol.dispose]());

/** A backend that notes what it has thought out, and when. */
class PlanningBackend extends FakeBackend {
  readonly plans = new DevicePlans((prepared) => ({ number: this.calls.push(`plan ${nameIn(prepared)}`) }));

  constructor(...names: readonly string[]) {
    super(...names);
    const { attach } = this.attach;
    this.attach.makeReady = (prepared) => void this.plans.of(prepared);
    this.attach.attach = (prepared, sandbox, signal) => {
      this.plans.of(prepared, sandbox);
      return attach(prepared, sandbox, signal);
    };
  }
}

function nameIn({ device }: JsonObject): string {
  return String(device);
}

describe('what attaching needs', () => {
  it('is thought out when the claim is prepared, and not in the hook', async () => {
    const driver = rig.begin(new PlanningBackend('a', 'b'));
    await driver.prepare(claim('c1', ['a', 'b']));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    expect(driver.backend.calls).toEqual([
      ...['prepare a', 'prepare b', 'plan a', 'plan b'],
      ...['attach a sandbox-p1', 'attach b sandbox-p1'],
    ]);
  });

  it('is thought out in the hook after a restart', async () => {
    const backend = new PlanningBackend('a');
    await rig.begin(backend).prepare(claim('c1', ['a']));
    await rig.begin(backend).hooks.runPodSandbox?.(pod('p1'));
    expect(backend.calls).toEqual(['prepare a', 'plan a', 'plan a', 'attach a sandbox-p1']);
  });

  it('is thought out for each pod that shares a claim with others', async () => {
    const backend = new PlanningBackend('a').share();
    const driver = rig.begin(backend);
    await driver.prepare(claim('c1', ['a'], { pods: ['p1', 'p2'] }));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    await driver.hooks.runPodSandbox?.(pod('p2'));
    expect(backend.calls.filter((call) => call.startsWith('plan'))).toEqual(['plan a', 'plan a']);
  });

  it('undoes the preparation when it cannot be had', async () => {
    const driver = rig.begin(new FakeBackend('a', 'b'));
    driver.backend.attach.makeReady = (prepared) => {
      if (nameIn(prepared) === 'b') throw new Error('b cannot be thought of');
    };
    await expect(driver.prepare(claim('c1', ['a', 'b']))).rejects.toThrow('b cannot be thought of');
    expect(driver.backend.prepared.size).toBe(0);
    expect(readdirSync(join(rig.directory, 'claims'))).toEqual([]);
  });
});
