/** The driver waits for a runtime that it cannot reach, and says so. */
import { DriverProcess, LabCluster, waitUntil } from '@patchbay/lab';
import { expect, it } from 'vitest';
import { backends, TestNode } from './test-node.ts';

it('with NRI disabled in the runtime the driver waits, says what to enable, and is not ready', async () => {
  const cluster = await LabCluster.start({ containerd: { nriDisabled: true } });
  const driver = new DriverProcess(cluster, backends);
  try {
    await driver.start({ wait: false });
    await waitUntil(
      () => `a word about NRI in the log:\n${driver.log}`,
      () => /enable NRI|NRI is (disabled|not enabled)|NRI.*enabled/i.test(driver.log),
      { timeoutMs: 10_000 },
    );
    await cluster.kubelet.pluginRegistered('patchbay.dev');
    expect(await driver.readiness()).toMatch(/kubelet: registered\nruntime: not connected/);
    expect(await driver.stop()).toBe(0);
  } finally {
    await driver.kill();
    await cluster.stop();
  }
});

it('a runtime that restarts finds the driver again, and pods that were running keep their links', async () => {
  const node = await TestNode.start();
  try {
    const pod = await node.cluster.runPod(
      await node.pod([
        { backend: 'veth', parameters: { interface: { name: 'blue0', addresses: ['10.20.0.1/24'] } } },
      ]),
    );
    await node.cluster.containerd.kill();
    await node.cluster.containerd.restart();
    await node.driver.ready();
    expect(await node.cluster.exec(pod, ['ip', 'addr'])).toContain('10.20.0.1/24');
    await node.remove(pod);
    expect(node.leftovers).toEqual([]);
  } finally {
    await node.stop();
  }
});
