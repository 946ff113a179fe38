import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';

/** The kernels that the VM lab can boot, by the versions' first two numbers. */
export type VmKernel = '6.12' | '7.3';

/** All kernels, the default first. */
export const vmKernels: readonly VmKernel[] = ['6.12', '7.3'];

/** Environment variable that names the kernel inside the VM. */
export const kernelVariable = 'LAB_VM_KERNEL';

/** What a virtual machine is made of: absolute paths. */
export interface VmTools {
  readonly kernel: VmKernel;
  /** Where everything below lies. */
  readonly directory: string;
  /** Root of an unpacked QEMU with all its libraries. */
  readonly qemu: string;
  /** Layer above this machine's root file system in the guest: kernel modules and tools for them. */
  readonly guest: string;
  /** The kernel that QEMU boots. */
  readonly image: string;
  /** Statically linked. */
  readonly busybox: string;
  /** Modules, uncompressed, that the guest needs before it sees its root file system, in the order of insertion. */
  readonly bootModules: readonly string[];
  /** Debian package versions by package name. */
  readonly packages: Readonly<Record<string, string>>;
}

const markerSchema = z.strictObject({
  layout: z.literal(1),
  kernel: z.enum(['6.12', '7.3']),
  bootModules: z.array(z.string()),
  packages: z.record(z.string(), z.string()),
});

/** What the marker file of a complete directory says. */
export type VmMarker = z.infer<typeof markerSchema>;

/** The file that a fetch writes last. */
export function vmMarkerFile(directory: string): string {
  return join(directory, 'complete.json');
}

/** Reads a fetched directory; undefined when it is missing, half-made or of an older layout. */
export function openVmTools(directory: string): VmTools | undefined {
  const marker = vmMarkerFile(directory);
  if (!existsSync(marker)) return undefined;
  const parsed = markerSchema.safeParse(JSON.parse(readFileSync(marker, 'utf8')));
  if (!parsed.success) return undefined;
  const base = resolve(directory);
  return {
    kernel: parsed.data.kernel,
    directory: base,
    qemu: join(base, 'qemu'),
    guest: join(base, 'guest'),
    image: join(base, 'vmlinuz'),
    busybox: join(base, 'guest/usr/bin/busybox'),
    bootModules: parsed.data.bootModules.map((name) => join(base, 'boot', name)),
    packages: parsed.data.packages,
  };
}
