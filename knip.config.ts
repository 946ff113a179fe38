import type { KnipConfig } from 'knip';

/** What counts as used: all that a library exports from its entries, every command, and every test. */
export default {
  ignoreExportsUsedInFile: { interface: true, type: true },
  // The kernel's and util-linux's programs come with the machine.
  rules: { binaries: 'off' },
  workspaces: {
    '.': {
      // nx is started by path; @nx/js keeps nx and its lint plugin at one version.
      ignoreDependencies: ['nx', '@nx/js'],
    },
    'apps/*': { entry: ['src/main.ts'], project: ['src/**/*.ts'] },
    'examples/*': { entry: ['src/main.ts'], project: ['src/**/*.ts'] },
    'libs/*': { project: ['src/**/*.ts'] },
    'tools/bundle': { entry: ['src/main.ts'], project: ['src/**/*.ts'] },
    'tools/proto': { entry: ['src/main.ts'], project: ['src/**/*.ts'] },
    // Preloaded into the driver by path, and started by path.
    'tools/e2e': { entry: ['src/*.mjs', 'src/inventory/flood-links.ts'], project: ['src/**/*.{ts,mjs}'] },
    'tools/tests': { entry: ['src/{main,check}.ts', 'src/tiers/loopback-up.ts'], project: ['src/**/*.ts'] },
    // Bundled, or started by path.
    'tools/proof': {
      entry: ['src/*/{main,inside}.ts', 'src/faults/isolated.ts'],
      project: ['src/**/*.ts'],
    },
    'tools/*': {
      // Commands that other programs start by path.
      entry: ['src/*/{main,enter,inside}.ts'],
      project: ['src/**/*.ts'],
    },
  },
} satisfies KnipConfig;
