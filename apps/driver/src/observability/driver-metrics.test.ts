import { describe, expect, it, vi } from 'vitest';
import { DriverMetrics } from './driver-metrics.ts';

const get = async (port: number) => (await fetch(`http://127.0.0.1:${port}/readyz`)).status;

it('devices are counted once, however many claims each is for and in whatever form', async () => {
  const metrics = new DriverMetrics();
  const device = (name: string, slotOf?: string) => ({
    ...{ name, identity: name, attributes: {} },
    ...(slotOf === undefined ? {} : { slotOf }),
  });
  metrics.observeDevices([
    { kind: 'veth', devices: [device('blue-0', 'blue'), device('blue-1', 'blue'), device('red')] },
    { kind: 'hostdev', devices: [] },
  ]);
  const { port, close } = await metrics.serve('127.0.0.1', 0, false);
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  await close();
  expect(text).toContain('patchbay_devices{backend="veth"} 2');
  expect(text).toContain('patchbay_devices{backend="hostdev"} 0');
});

it('readiness is told at each change: kubelet and runtime are both connected', () => {
  const told: boolean[] = [];
  const metrics = new DriverMetrics((ready) => told.push(ready));
  metrics.observeConnection('kubelet', true);
  metrics.observeConnection('runtime', true);
  metrics.observeConnection('kubelet', false);
  expect(told).toEqual([false, true, false]);
});

describe('the metrics port', () => {
  it('that is taken is refused in words', async () => {
    const first = await new DriverMetrics().serve('127.0.0.1', 0, false);
    await expect(new DriverMetrics().serve('127.0.0.1', first.port, false)).rejects.toThrow(
      /the port is taken; choose another metrics\.port/,
    );
    await first.close();
  });

  it('is taken over when the instance that has it ends', async () => {
    const older = new DriverMetrics();
    const newer = new DriverMetrics();
    const first = await older.serve('127.0.0.1', 0, true);
    const second = await newer.serve('127.0.0.1', first.port, true);
    older.observeConnection('kubelet', true);
    older.observeConnection('runtime', true);
    expect(await get(first.port)).toBe(200);
    await first.close();
    await vi.waitFor(async () => expect(await get(first.port)).toBe(503), { timeout: 3000, interval: 50 });
    await second.close();
    await expect(get(first.port)).rejects.toThrow();
  });

  it('that is waited for is given up when the driver ends', async () => {
    const first = await new DriverMetrics().serve('127.0.0.1', 0, true);
    const second = await new DriverMetrics().serve('127.0.0.1', first.port, true);
    await second.close();
    await first.close();
    await new Promise((resolve) => setTimeout(resolve, 700));
    await expect(get(first.port)).rejects.toThrow();
  });
});
