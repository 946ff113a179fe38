import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeResourceApi, TestKubelet } from './testing/index.ts';
import type { FakeResourceApi } from './testing/index.ts';

const library = resolve(import.meta.dirname, '..');

describe('the driver in the README', () => {
  let directory: string;
  let fake: FakeResourceApi;
  let kubelet: TestKubelet;
  let driver: ChildProcess | undefined;

  beforeEach(async () => {
    // Inside the repository, so that the program finds its packages.
    const cache = resolve(library, '../../.cache');
    mkdirSync(cache, { recursive: true });
    directory = mkdtempSync(join(cache, 'dra-'));
    fake = await fakeResourceApi();
    kubelet = new TestKubelet();
  });
  afterEach(async () => {
    driver?.kill('SIGKILL');
    kubelet.close();
    await fake.stop();
    rmSync(directory, { recursive: true });
  });

  function start(): ChildProcess {
    const program = /```js\n([\s\S]*?)```/.exec(readFileSync(join(library, 'README.md'), 'utf8'))?.[1] ?? '';
    writeFileSync(join(directory, 'driver.mjs'), program);
    writeFileSync(join(directory, 'kubeconfig'), fake.kubeconfig());
    const env = {
      ...process.env,
      NODE_NAME: 'worker',
      KUBELET_DIRECTORY: directory,
      CDI_DIRECTORY: join(directory, 'cdi'),
      KUBECONFIG: join(directory, 'kubeconfig'),
    };
    const flags = ['--conditions=@patchbay/source', '--disable-warning=ExperimentalWarning'];
    return spawn(process.execPath, [...flags, join(directory, 'driver.mjs')], { env, stdio: 'inherit' });
  }

  it('registers, publishes its devices, prepares and unprepares a claim, and leaves without a trace but its slices', async () => {
    fake.addNode('worker');
    driver = start();
    const registration = join(directory, 'plugins_registry/toys.example.com-reg.sock');
    await expect.poll(() => existsSync(registration), { timeout: 10_000 }).toBe(true);
    const { endpoint, name } = await kubelet.register(registration);
    expect(name).toBe('toys.example.com');
    await expect
      .poll(() => fake.slices(), { timeout: 5_000 })
      .toMatchObject([
        {
          spec: {
            nodeName: 'worker',
            devices: [{ name: 'car', attributes: { wheels: { int: 4 } } }, { name: 'train' }],
          },
        },
      ]);

    const opaque = { driver: 'toys.example.com', parameters: { colour: 'red' } };
    const devices = {
      results: [{ request: 'toy', driver: 'toys.example.com', pool: 'worker', device: 'car' }],
      config: [{ source: 'FromClaim', requests: [], opaque }],
    };
    fake.putClaim({
      metadata: { name: 'a', namespace: 'default', uid: 'uid-a' },
      ...{ status: { allocation: { devices } } },
    });
    const claim = { uid: 'uid-a', namespace: 'default', name: 'a' };
    const prepared = await kubelet.prepare(endpoint, [claim]);
    expect(prepared['uid-a']).toMatchObject({
      devices: [{ requestNames: ['toy'], cdiDeviceIds: ['toys.example.com/claim=uid-a-car'] }],
      error: '',
    });
    const [spec = ''] = readdirSync(join(directory, 'cdi'));
    expect(readFileSync(join(directory, 'cdi', spec), 'utf8')).toContain('TOY=red car');
    expect(await kubelet.unprepare(endpoint, [claim])).toEqual({ 'uid-a': { error: '' } });

    const exited = once(driver, 'exit');
    driver.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(existsSync(registration)).toBe(false);
    expect(existsSync(endpoint)).toBe(false);
    expect(readdirSync(join(directory, 'cdi'))).toEqual([]);
    expect(fake.slices()).toHaveLength(1);
  });
});
