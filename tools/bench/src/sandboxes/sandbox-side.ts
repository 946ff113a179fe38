import type { CriClient, PodSandboxSpec } from '@patchbay/lab';

/** A pod before it runs. */
export interface SidePod {
  readonly spec: PodSandboxSpec;
  /**
   * What the kubelet does before it asks for the sandbox.
   *
   * @returns the CDI devices of the pod's containers
   */
  prepare(): Promise<readonly string[]>;
  /** What it does after the sandbox has gone. */
  unprepare(): Promise<void>;
}

/** One of two runtimes that are alike but for their plugin. */
export interface SandboxSide {
  /** `hook` for the one with the driver; otherwise the key of the figure's ratio. */
  readonly name: string;
  readonly cri: CriClient;
  makePod(): Promise<SidePod>;
  /** The side's turn begins: all is quiet, and stays so but for what this side does. */
  begin(): Promise<void>;
  end(): Promise<void>;
}

/** How long one sandbox takes to run, in milliseconds. */
export async function timeSandbox(
  { cri, makePod }: SandboxSide,
  quiet: () => Promise<void>,
): Promise<number> {
  const pod = await makePod();
  await pod.prepare();
  await quiet();
  const begun = performance.now();
  const id = await cri.runPodSandbox(pod.spec);
  const taken = performance.now() - begun;
  await cri.stopPodSandbox(id);
  await cri.removePodSandbox(id);
  await pod.unprepare();
  return taken;
}

/** Pods per second from when all are started at once until the last one's container runs, with what the kubelet does for each. */
export async function timePods(
  { cri, makePod }: SandboxSide,
  count: number,
  quiet: () => Promise<void>,
): Promise<number> {
  const pods = await Promise.all(Array.from({ length: count }, () => makePod()));
  await quiet();
  const begun = performance.now();
  const sandboxes = await Promise.all(
    pods.map(async (pod) => {
      const cdiDevices = await pod.prepare();
      const sandbox = await cri.runPodSandbox(pod.spec);
      const container = await cri.createContainer(sandbox, { name: 'main', cdiDevices }, pod.spec);
      await cri.startContainer(container);
      return sandbox;
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  await Promise.all(
    sandboxes.map(async (id) => {
      await cri.stopPodSandbox(id);
      await cri.removePodSandbox(id);
    }),
  );
  for (const pod of pods) await pod.unprepare();
  return count / seconds;
}
