import { execFile } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { FetchOptions } from '../containerd/fetch-containerd.ts';
import { LabUnavailableError } from '../lab-unavailable-error.ts';
import { AptWorkspace, unpackPackages } from '../packages/apt-workspace.ts';
import { debianArchive } from '../packages/debian-archive.ts';
import { fetchOnce, wordsOf } from '../packages/fetch-once.ts';
import { pruneModules } from './kernel-modules.ts';
import { qemuProgram } from './qemu-command.ts';
import { openVmTools, vmMarkerFile, type VmKernel, type VmMarker, type VmTools } from './vm-tools.ts';

const run = promisify(execFile);
const repository = resolve(import.meta.dirname, '../../../..');

/** QEMU comes with its own C library; the kernels are those of Debian 13 and its backports. */
const qemuSuite = 'trixie';
/** Tools run in the guest on this machine's C library, which may be older than that of Debian 13. */
const toolSuite = 'bookworm';
const suites = [qemuSuite, `${qemuSuite}-backports`, toolSuite];

const guestTools = [
  ...['busybox-static', 'kmod', 'pciutils', 'libpci3', 'ethtool'],
  ...['ibverbs-utils', 'ibverbs-providers', 'libibverbs1', 'librdmacm1', 'libibumad3', 'rdmacm-utils'],
  ...['libnl-3-200', 'libnl-route-3-200'],
];

/** What QEMU needs to run, relative to its root; most of what Debian packages with it is not that. */
const qemuParts = [
  'usr/bin/qemu-system-x86_64',
  'usr/lib/x86_64-linux-gnu',
  'usr/lib64',
  'usr/share/qemu',
  'usr/share/seabios',
];

/**
 * Makes QEMU, a Debian kernel with the modules that tests load, and tools for the guest available under `<cache>/vm-<kernel>`, without
 * installing anything. Returns at once when that was done before; concurrent calls, also of other processes, wait for each other. Needs apt,
 * dpkg and the network, and takes about 20 s.
 *
 * @throws LabUnavailableError when packages cannot be had or do not run here
 */
export async function fetchVm(kernel: VmKernel, options: FetchOptions = {}): Promise<VmTools> {
  if (process.arch !== 'x64') {
    throw new LabUnavailableError(
      `the virtual machine is an x86-64 one and this machine is ${process.arch}`,
      'use an x86-64 machine',
    );
  }
  const progress = options.onProgress ?? ((message) => void process.stderr.write(`lab: ${message}\n`));
  return fetchOnce({
    what: `the virtual machine with kernel ${kernel}`,
    directory: join(options.cache ?? join(repository, '.cache/lab'), `vm-${kernel}`),
    progress,
    open: openVmTools,
    async make(fresh) {
      const archive = options.archive ?? debianArchive();
      try {
        progress(`reading the package lists of ${suites.join(', ')} from ${archive.uri} …`);
        const apt = await AptWorkspace.open(join(fresh, 'apt'), archive, suites);
        const packages = await unpack(kernel, apt, fresh, progress);
        rmSync(join(fresh, 'apt'), { recursive: true });
        progress(
          `kernel ${packages['linux'] ?? kernel}, QEMU ${packages['qemu-system-x86'] ?? ''} are ready`,
        );
      } catch (error) {
        throw new LabUnavailableError(
          `cannot fetch the virtual machine with kernel ${kernel} from ${archive.uri}: ${wordsOf(error)}`,
          `make apt-get able to read the suites ${suites.join(', ')} of a Debian archive (its URL is taken from /etc/apt), then try again`,
          { cause: error },
        );
      }
    },
  });
}

async function unpack(
  kernel: VmKernel,
  apt: AptWorkspace,
  directory: string,
  progress: (message: string) => void,
): Promise<Readonly<Record<string, string>>> {
  const at = (path: string) => join(directory, path);
  progress('downloading QEMU …');
  const qemu = await apt.downloadComplete('qemu-system-x86', qemuSuite);
  await unpackPackages(qemu, at('apt/qemu'));
  for (const part of qemuParts) {
    mkdirSync(dirname(at(`qemu/${part}`)), { recursive: true });
    renameSync(at(`apt/qemu/${part}`), at(`qemu/${part}`));
  }
  const { loader, environment } = qemuProgram(at('qemu'));
  await run(loader[0] ?? '', [...loader.slice(1), '--version'], { env: environment });

  const { release, names } = await kernelPackages(kernel, apt);
  progress(`downloading kernel ${release} and tools (120 MB) …`);
  const tools = await apt.download(guestTools.map((name) => `${name}/${toolSuite}`));
  await unpackPackages(tools, at('guest'));
  arrangeGuest(at('guest'));
  const kernels = await apt.download(names);
  await unpackPackages(kernels, at('apt/kernel'));

  progress('picking kernel modules …');
  const modules = [at(`apt/kernel/usr/lib/modules/${release}`), at(`apt/kernel/lib/modules/${release}`)];
  const images = [...modules.map((path) => join(path, 'vmlinuz')), at(`apt/kernel/boot/vmlinuz-${release}`)];
  copyFileSync(firstExisting(images), at('vmlinuz'));
  const bootModules = await pruneModules({
    release,
    from: firstExisting(modules),
    guest: at('guest'),
    boot: at('boot'),
    depmod: at('guest/usr/sbin/depmod'),
    busybox: at('guest/usr/bin/busybox'),
  });
  const versions = [...qemu, ...tools, ...kernels].map(({ name, version }) => [name, version] as const);
  const packages = Object.fromEntries([...versions, ['linux', release]]);
  const marker: VmMarker = { layout: 1, kernel, bootModules: [...bootModules], packages };
  writeFileSync(vmMarkerFile(directory), JSON.stringify(marker, null, 2));
  return packages;
}

/** Finds the archive's newest kernel of a line, and the packages that it comes in: from Linux 7 on Debian has three for it. */
async function kernelPackages(
  kernel: VmKernel,
  apt: AptWorkspace,
): Promise<{ readonly release: string; readonly names: readonly string[] }> {
  const known = new Set(await apt.names('linux-'));
  const releases = [...known]
    .map((name) => /^linux-image-(\d+\.\d+\.\d+\+deb\d+-amd64)$/.exec(name)?.[1])
    .filter((release) => release !== undefined)
    .sort(new Intl.Collator('en', { numeric: true }).compare);
  const release = releases.findLast((candidate) => candidate.startsWith(`${kernel}.`));
  if (release === undefined) {
    throw new Error(`the archive has no kernel ${kernel}, only ${releases.join(', ') || 'none'}`);
  }
  const names = ['image', 'binary', 'modules', 'base'].map((part) => `linux-${part}-${release}`);
  return { release, names: names.filter((name) => known.has(name)) };
}

/** Debian 12 still ships /bin, /sbin and /lib; as a layer they would hide this machine's links of these names. */
function arrangeGuest(root: string): void {
  for (const name of ['bin', 'sbin', 'lib']) {
    if (!existsSync(join(root, name))) continue;
    cpSync(join(root, name), join(root, 'usr', name), { recursive: true, verbatimSymlinks: true });
    rmSync(join(root, name), { recursive: true });
  }
  for (const tool of ['depmod', 'insmod', 'modinfo', 'modprobe', 'rmmod']) {
    // The package's links are absolute, so only the guest could follow them.
    rmSync(join(root, 'usr/sbin', tool), { force: true });
    symlinkSync('../bin/kmod', join(root, 'usr/sbin', tool));
  }
  for (const part of ['usr/share', 'var', 'etc/init.d'])
    rmSync(join(root, part), { recursive: true, force: true });
}

function firstExisting(paths: readonly string[]): string {
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`the kernel's package has none of ${paths.join(', ')}`);
  return found;
}
