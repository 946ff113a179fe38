import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AllocatedClaims } from './allocated-claims.ts';
import { ConformanceRig } from './conformance-rig.ts';
import { ToyProcess } from './toy-process.ts';

describe('a driver process that is killed and started again', () => {
  let rig: ConformanceRig;
  let claims: AllocatedClaims;
  let toys: ToyProcess;

  beforeEach(async () => {
    rig = await ConformanceRig.start();
    claims = new AllocatedClaims(rig.admin);
    toys = new ToyProcess(rig);
    toys.addToys('car', 'train');
    await toys.start();
  });
  afterEach(() => rig.stop());

  async function restart(): Promise<void> {
    await toys.kill();
    await toys.start();
  }

  it('check 13: a new process gives the same answer to a claim that its predecessor prepared, and changes nothing', async () => {
    const claim = await claims.allocate('a', ['car', 'train'], {
      config: [{ parameters: { colour: 'blue' } }],
    });
    const first = await rig.kubelet.prepare(toys.service, [claim]);
    expect(first[claim.uid]?.devices).toHaveLength(2);
    const written = toys.specs();
    expect(Object.values(written)).toEqual([expect.stringContaining('"TOY_CAR=blue"')]);
    await restart();
    expect(await rig.kubelet.prepare(toys.service, [claim])).toEqual(first);
    expect(toys.specs()).toEqual(written);
  });

  it('check 29: a restart between prepare and sandbox leaves what the runtime needs, and forgets nothing', async () => {
    const claim = await claims.allocate('a', ['car']);
    const [device] = (await rig.kubelet.prepare(toys.service, [claim]))[claim.uid]?.devices ?? [];
    await restart();
    // The kubelet does not prepare again: the runtime resolves the names that it was given before.
    const [id = ''] = device?.cdiDeviceIds ?? [];
    const [kind, name] = id.split('=');
    const specs = Object.values(toys.specs()).map((text) => JSON.parse(text) as object);
    expect(specs).toMatchObject([{ kind, devices: [{ name, containerEdits: { env: ['TOY_CAR=red'] } }] }]);
    const other = await claims.allocate('b', ['car']);
    const refused = await rig.kubelet.prepare(toys.service, [other]);
    expect(refused[other.uid]?.error).toContain(`still in use by the claim with UID ${claim.uid}`);
    expect(await rig.kubelet.unprepare(toys.service, [claim])).toEqual({ [claim.uid]: { error: '' } });
    expect(toys.specs()).toEqual({});
  });

  it('check 30: after a reboot, which takes the files away, the claim is prepared anew', async () => {
    const claim = await claims.allocate('a', ['car']);
    const first = await rig.kubelet.prepare(toys.service, [claim]);
    const written = toys.specs();
    await toys.kill();
    rmSync(toys.directory('cdi'), { recursive: true });
    await toys.start();
    expect(await rig.kubelet.prepare(toys.service, [claim])).toEqual(first);
    expect(toys.specs()).toEqual(written);
  });

  it('check 33: a new process that finds its slices in place writes nothing', async () => {
    await expect.poll(() => rig.slices().length, { timeout: 5_000 }).toBe(1);
    const [before] = rig.slices();
    rig.newWrites();
    await restart();
    const listed = () => rig.driverRequests.filter(({ verb }) => verb === 'watch').length;
    await expect.poll(listed, { timeout: 5_000 }).toBe(2);
    await toys.stop();
    expect(rig.newWrites()).toEqual([]);
    expect(rig.slices()).toEqual([before]);
  });
});
