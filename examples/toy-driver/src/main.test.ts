import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeResourceApi, TestKubelet } from '@patchbay/dra/testing';
import type { FakeResourceApi } from '@patchbay/dra/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

describe('the toy driver', () => {
  let directory: string;
  let fake: FakeResourceApi;
  let kubelet: TestKubelet;
  let driver: ChildProcess;
  let registration: string;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'toys-'));
    registration = join(directory, 'plugins_registry/toys.example.com-reg.sock');
    fake = await fakeResourceApi();
    fake.addNode('worker');
    kubelet = new TestKubelet();
    mkdirSync(join(directory, 'box'));
    writeToy('car', { wheels: 4 });
    driver = start();
    await expect.poll(() => existsSync(registration), { timeout: 10_000 }).toBe(true);
  });
  afterEach(async () => {
    driver.kill('SIGKILL');
    kubelet.close();
    await fake.stop();
    rmSync(directory, { recursive: true });
  });

  function start(): ChildProcess {
    writeFileSync(join(directory, 'kubeconfig'), fake.kubeconfig());
    const env = {
      ...process.env,
      NODE_NAME: 'worker',
      TOY_BOX: join(directory, 'box'),
      KUBELET_DIRECTORY: directory,
      CDI_DIRECTORY: join(directory, 'cdi'),
      KUBECONFIG: join(directory, 'kubeconfig'),
    };
    const flags = ['--conditions=@patchbay/source', '--disable-warning=ExperimentalWarning'];
    const program = join(import.meta.dirname, 'main.ts');
    return spawn(process.execPath, [...flags, program], { env, stdio: 'inherit' });
  }

  function writeToy(name: string, toy: object): void {
    // Moved there whole: the driver may look at any moment.
    writeFileSync(join(directory, name), JSON.stringify(toy));
    renameSync(join(directory, name), join(directory, 'box', name));
  }

  /** A claim that the scheduler has given toys. */
  function allocate(uid: string, devices: readonly string[], parameters?: object) {
    const results = devices.map((device) => ({
      request: 'toy',
      driver: 'toys.example.com',
      pool: 'worker',
      device,
    }));
    const opaque = { driver: 'toys.example.com', parameters };
    const config = parameters === undefined ? [] : [{ source: 'FromClaim', requests: [], opaque }];
    fake.putClaim({
      metadata: { name: uid, namespace: 'default', uid },
      ...{ status: { allocation: { devices: { results, config } } } },
    });
    return { uid, namespace: 'default', name: uid };
  }

  const specs = () =>
    readdirSync(join(directory, 'cdi')).map((name) => readFileSync(join(directory, 'cdi', name), 'utf8'));

  it('gives a claim its toy in the colour that was asked for, and takes it back', async () => {
    const { endpoint, name } = await kubelet.register(registration);
    expect(name).toBe('toys.example.com');
    const claim = allocate('a', ['car'], { colour: 'blue' });
    const prepared = await kubelet.prepare(endpoint, [claim]);
    expect(prepared['a']).toEqual({
      devices: [
        {
          requestNames: ['toy'],
          poolName: 'worker',
          deviceName: 'car',
          cdiDeviceIds: ['toys.example.com/claim=a-car'],
        },
      ],
      error: '',
    });
    expect(specs()).toEqual([expect.stringContaining('"TOY_CAR=blue"')]);
    expect(await kubelet.unprepare(endpoint, [claim])).toEqual({ a: { error: '' } });
    expect(specs()).toEqual([]);
  });

  it('explains what it cannot do', async () => {
    const { endpoint } = await kubelet.register(registration);
    const answer = await kubelet.prepare(endpoint, [allocate('a', ['car'], { colour: 'pink' })]);
    expect(answer['a']?.error).toBe('Request toy: colour is "pink", but toys are red, green, blue');
  });

  it('announces what is in the toy box, and what is broken', async () => {
    const { endpoint } = await kubelet.register(registration);
    const health = kubelet.watchHealth(endpoint);
    health.on('error', () => undefined);
    const devices = () => fake.slices<{ spec: { devices: unknown[] } }>()[0]?.spec.devices;
    const car = { name: 'car', attributes: { wheels: { int: 4 } } };
    await expect.poll(devices, { timeout: 5_000 }).toMatchObject([car]);
    const reported = new Promise((resolve) => {
      health.on('data', (message: { devices: { health: string }[] }) => {
        if (message.devices.some((one) => one.health === 'UNHEALTHY')) resolve(message.devices);
      });
    });
    writeToy('train', { wheels: 11, broken: 'a wheel came off' });
    const train = { name: 'train', taints: [{ key: 'toys.example.com/broken', effect: 'NoSchedule' }] };
    await expect.poll(devices).toMatchObject([car, train]);
    expect(await reported).toMatchObject([
      { device: { deviceName: 'car' }, health: 'HEALTHY' },
      { device: { deviceName: 'train' }, health: 'UNHEALTHY', message: 'a wheel came off' },
    ]);
    health.cancel();
  });

  it('knows after a restart who has which toy', async () => {
    const { endpoint } = await kubelet.register(registration);
    await kubelet.prepare(endpoint, [allocate('a', ['car'])]);
    const killed = once(driver, 'exit');
    driver.kill('SIGKILL');
    await killed;
    driver = start();
    await expect
      .poll(() => kubelet.register(registration).catch(() => undefined), { timeout: 10_000 })
      .toBeDefined();
    const refused = await kubelet.prepare(endpoint, [allocate('b', ['car'])]);
    expect(refused['b']?.error).toContain('still in use by the claim with UID a');
  });

  it('leaves nothing behind but its slices', async () => {
    await expect.poll(() => fake.slices().length, { timeout: 5_000 }).toBe(1);
    const exited = once(driver, 'exit');
    driver.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(readdirSync(join(directory, 'plugins_registry'))).toEqual([]);
    expect(readdirSync(join(directory, 'plugins/toys.example.com'))).toEqual([]);
    expect(fake.slices()).toHaveLength(1);
  });
});
