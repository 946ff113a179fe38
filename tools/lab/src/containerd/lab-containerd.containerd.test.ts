import { describe, test } from 'vitest';
import { enteredContainerdTools } from './containerd-tools.ts';
import { LabContainerd } from './lab-containerd.ts';

const tools = enteredContainerdTools();
const pod = { name: 'first', namespace: 'default', uid: 'uid-1' };

describe('LabContainerd', () => {
  test('runs a pod with a container and a command in it', async () => {
    const t0 = performance.now();
    const containerd = await LabContainerd.start({ tools });
    const t1 = performance.now();
    console.log('start', t1 - t0, await containerd.cri.version());
    const sandbox = await containerd.cri.runPodSandbox(pod);
    console.log('sandbox', performance.now() - t1, await containerd.cri.podSandboxStatus(sandbox));
    const c = await containerd.cri.createContainer(sandbox, { name: 'c', env: { A: 'b' } }, pod);
    await containerd.cri.startContainer(c);
    console.log(await containerd.cri.execSync(c, ['sh', '-c', 'echo $A; ip -o addr; exit 3']));
    console.log(
      await containerd.cri.listContainers({ podSandboxId: sandbox }),
      await containerd.cri.containerStatus(c),
    );
    const t2 = performance.now();
    await containerd.stop();
    console.log('stop', performance.now() - t2);
  });
});
