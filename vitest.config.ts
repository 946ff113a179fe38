import { defineConfig } from 'vitest/config';

const conditions = ['@patchbay/source'];
const exclude = ['**/node_modules/**', '**/dist/**'];
const resolution = { resolve: { conditions }, ssr: { resolve: { conditions } } };

/** One vitest project per test tier; a file's suffix names what it needs. */
function tier(name: string, include: string[], overrides: Record<string, unknown> = {}) {
  return {
    ...resolution,
    test: { name, include, exclude, pool: 'forks' as const, execArgv: ['--expose-gc'], ...overrides },
  };
}

const roots = '{apps,libs,tools,examples}/**/src/**/*';

export default defineConfig({
  test: {
    projects: [
      tier('unit', [`${roots}.test.ts`], {
        exclude: [...exclude, '**/*.netns.test.ts', '**/*.containerd.test.ts', '**/*.vm.test.ts'],
        testTimeout: 20_000,
        // Loading the sources anew for each file took a third of the time; many wait for something rather than work.
        isolate: false,
        maxWorkers: 2,
      }),
      tier('netns', [`${roots}.netns.test.ts`], { testTimeout: 30_000, fileParallelism: false }),
      tier('containerd', [`${roots}.containerd.test.ts`], { testTimeout: 120_000, fileParallelism: false }),
      tier('vm', [`${roots}.vm.test.ts`], {
        testTimeout: 120_000,
        fileParallelism: false,
        // Its processor is an emulated one, to which loading the sources is work for minutes.
        isolate: false,
      }),
    ],
  },
});
