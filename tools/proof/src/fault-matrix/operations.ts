import type { Life, World } from './world.ts';

/** What happens after the kill, until all is over. */
export interface Continuation {
  readonly name: string;
  /** Whether the pod's namespace has died before the driver comes back. */
  readonly podDies?: boolean;
  readonly life: Life;
}

/** Something that the driver does and that is interrupted. */
export interface Operation {
  readonly name: string;
  /** A life that ended before. */
  readonly earlier?: Life;
  /** Whether the pod's namespace has died since. */
  readonly podDied?: boolean;
  /** Does it; what comes after arming is what is interrupted. */
  readonly life: Life;
  readonly continuations: readonly Continuation[];
}

async function start(world: World, running: boolean) {
  const driver = await world.begin();
  await driver.hooks.synchronize?.(running ? [world.pod.sandbox] : [], []);
  return driver;
}

async function attached(world: World) {
  const driver = await start(world, false);
  await driver.prepare(world.claim);
  await driver.hooks.runPodSandbox?.(world.pod.sandbox);
  return driver;
}

/** The pod ends in order and its claim with it. */
async function finish(world: World, driver: Awaited<ReturnType<typeof start>>): Promise<void> {
  const { pod, claim } = world;
  await driver.hooks.stopPodSandbox?.(pod.sandbox);
  await driver.hooks.removePodSandbox?.(pod.sandbox);
  world.assertApart(driver);
  await driver.unprepare(claim);
}

const completed: Continuation = {
  name: 'the pod runs',
  life: async (world) => {
    const driver = await start(world, true);
    world.assertAttached(driver);
    await finish(world, driver);
  },
};
const undone: Continuation = {
  name: 'the pod has died',
  podDies: true,
  life: async (world) => {
    const driver = await start(world, false);
    world.assertApart(driver);
    await driver.unprepare(world.claim);
  },
};

/** All operations, in the order of a claim's life. */
export const operations: readonly Operation[] = [
  {
    name: 'prepare',
    life: async (world, arm) => {
      const driver = await start(world, false);
      arm();
      await driver.prepare(world.claim);
      await world.afterwork();
    },
    continuations: [
      {
        name: 'the kubelet tries again',
        life: async (world) => {
          const driver = await start(world, false);
          await driver.prepare(world.claim);
          world.assertApart(driver);
          await driver.hooks.runPodSandbox?.(world.pod.sandbox);
          world.assertAttached(driver);
          await finish(world, driver);
        },
      },
      {
        name: 'the pod was deleted',
        life: async (world) => {
          const driver = await start(world, false);
          await driver.unprepare(world.claim);
          world.assertApart(driver);
        },
      },
    ],
  },
  {
    name: 'attach',
    life: async (world, arm) => {
      const driver = await start(world, false);
      await driver.prepare(world.claim);
      arm();
      await driver.hooks.runPodSandbox?.(world.pod.sandbox);
      await world.afterwork();
    },
    continuations: [completed, undone],
  },
  {
    name: 'detach',
    life: async (world, arm) => {
      const driver = await attached(world);
      await world.afterwork();
      arm();
      await driver.hooks.stopPodSandbox?.(world.pod.sandbox);
      await world.afterwork();
    },
    continuations: [
      {
        name: 'the runtime tries again',
        life: async (world) => finish(world, await start(world, true)),
      },
      undone,
    ],
  },
  {
    name: 'unprepare',
    life: async (world, arm) => {
      const driver = await attached(world);
      await world.afterwork();
      arm();
      await driver.unprepare(world.claim);
      await world.afterwork();
    },
    continuations: [
      {
        name: 'the kubelet tries again',
        podDies: true,
        life: async (world) => {
          const driver = await start(world, false);
          await driver.unprepare(world.claim);
          world.assertApart(driver);
        },
      },
    ],
  },
  {
    name: 'start, pod dead',
    earlier: async (world) => {
      await attached(world);
      await world.afterwork();
    },
    podDied: true,
    life: async (world, arm) => {
      arm();
      await start(world, false);
      await world.afterwork();
    },
    continuations: [undone],
  },
  {
    name: 'start, hook missed',
    earlier: async (world) => {
      await (await start(world, false)).prepare(world.claim);
    },
    life: async (world, arm) => {
      arm();
      await start(world, true);
      await world.afterwork();
    },
    continuations: [completed, undone],
  },
];
