import { checkTier } from './check-tier.ts';
import { anywhere, emptyNamespaces, lab } from './surroundings.ts';
import type { Tier } from './tier.ts';
import { reportDirectory, VitestTier } from './vitest-tier.ts';

const containerdNeeds = 'root, and the network or a filled .cache for Debian packages';
const containerd = (series: string) => lab('tools/lab/src/containerd/enter.ts', ['--series', series]);

/** Parts of the paths of proofs that need no runtime, and of the one that does. */
const proofs = ['tools/proof/src/fault-matrix/', 'tools/proof/src/sequences/'];
const soak = 'tools/proof/src/soak/';

/**
 * Every tier, in the order in which they run: what fails fast comes first. Three run beside the others, one after the other, because they measure
 * no latencies: the proofs, the virtual machine and the soak.
 */
export const allTiers: readonly Tier[] = [
  checkTier,
  new VitestTier({ name: 'unit', needs: 'nothing', project: 'unit', ...anywhere }),
  new VitestTier({
    name: 'proof',
    needs: "root and this machine's kernel",
    project: 'netns',
    only: proofs,
    besideOthers: true,
    ...emptyNamespaces,
  }),
  new VitestTier({
    name: 'containerd-2',
    needs: containerdNeeds,
    project: 'containerd',
    leavesOut: [soak],
    ...containerd('2'),
  }),
  new VitestTier({
    name: 'containerd-1.7',
    needs: containerdNeeds,
    project: 'containerd',
    // What befalls the API server is the same to every runtime, and what the driver holds after many pods, and what leases are, too.
    leavesOut: ['tools/e2e/src/dra/failures.', 'tools/e2e/src/addresses/', soak],
    ...containerd('1.7'),
  }),
  new VitestTier({
    name: 'netns',
    needs: "root and this machine's kernel",
    project: 'netns',
    leavesOut: proofs,
    ...emptyNamespaces,
  }),
  new VitestTier({
    name: 'vm',
    needs: 'root on x86-64, and the network or a filled .cache for Debian packages',
    project: 'vm',
    // Its kernel and its processor are its own.
    besideOthers: true,
    // A boot costs more than all else that can be found out about the machine; the report must outlive it.
    ...lab('tools/lab/src/vm/enter.ts', ['--writable', reportDirectory], ['--prepare']),
  }),
  new VitestTier({
    name: 'soak',
    needs: containerdNeeds,
    project: 'containerd',
    only: [soak],
    besideOthers: true,
    ...containerd('2'),
  }),
];
