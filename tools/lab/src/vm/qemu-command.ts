import { join } from 'node:path';
import type { VmTools } from './vm-tools.ts';

/** A folder of this machine that the guest mounts by its tag. */
export interface SharedFolder {
  readonly tag: string;
  readonly path: string;
  readonly writable: boolean;
}

/** What differs between two runs of the machine. */
export interface QemuMachine {
  /** MiB. */
  readonly memory: number;
  /** Path of the initial RAM file system. */
  readonly initrd: string;
  /** Path of a file that the kernel's messages go to. */
  readonly consoleLog: string;
  readonly folders: readonly SharedFolder[];
}

/** MAC addresses of the guest's network cards, in the order of their PCI addresses. */
export const vmCardAddresses = ['52:54:00:aa:00:01', '52:54:00:aa:00:02'] as const;

/** How an unpacked QEMU is started: its own loader and libraries make it independent of this machine's. */
export function qemuProgram(root: string): {
  readonly loader: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
} {
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
  return {
    loader: [
      join(root, 'usr/lib64/ld-linux-x86-64.so.2'),
      ...['--library-path', libraries],
      join(root, 'usr/bin/qemu-system-x86_64'),
    ],
    environment: { QEMU_MODULE_DIR: join(libraries, 'qemu') },
  };
}

/**
 * The command line of a machine with two igb network cards, which have seven virtual functions each, sit behind root ports of their own and
 * are joined by a hub; nothing else is on their network. What the guest writes to its serial port `output` goes to standard output.
 */
export function qemuCommand(
  tools: Pick<VmTools, 'qemu' | 'image'>,
  { memory, initrd, consoleLog, folders }: QemuMachine,
): readonly string[] {
  const data = join(tools.qemu, 'usr/share');
  return [
    ...qemuProgram(tools.qemu).loader,
    ...['-L', join(data, 'qemu'), '-L', join(data, 'seabios')],
    // Without hardware virtualisation more processors make the guest slower. qboot and microvm break PCI or the mailboxes of VFs.
    ...['-M', 'q35,kernel-irqchip=split', '-accel', 'tcg,thread=single', '-cpu', 'max,la57=off', '-smp', '1'],
    ...['-m', `${memory}`, '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...['-kernel', tools.image, '-initrd', initrd, '-append', kernelParameters],
    ...['-chardev', `file,id=console,path=${escape(consoleLog)}`, '-serial', 'chardev:console'],
    ...['-chardev', 'stdio,id=output,signal=off', '-device', 'virtio-serial-pci'],
    ...['-device', 'virtserialport,chardev=output,name=output'],
    ...folders.flatMap(({ tag, path, writable }) => [
      '-fsdev',
      `local,id=${tag},path=${escape(path)},security_model=none,multidevs=remap${writable ? '' : ',readonly=on'}`,
      ...['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
    ]),
    ...['-device', 'intel-iommu,intremap=on'],
    ...vmCardAddresses.flatMap((address, card) => [
      ...['-netdev', `hubport,id=hub${card},hubid=0`],
      ...['-device', `pcie-root-port,id=port${card},slot=${card + 1},chassis=${card + 1}`],
      ...['-device', `igb,bus=port${card},netdev=hub${card},mac=${address},romfile=`],
    ]),
  ];
}

const kernelParameters = [
  ...['console=ttyS0', 'quiet', 'panic=-1', '8250.nr_uarts=1'],
  // Names are the kernel's own: nothing in the guest renames links.
  ...['net.ifnames=0', 'intel_iommu=on'],
  // All of these only save time.
  ...['mitigations=off', 'nokaslr', 'audit=0', 'lsm=', 'cryptomgr.notests', 'nowatchdog', 'no_timer_check'],
  ...['random.trust_cpu=on', 'rcupdate.rcu_expedited=1'],
].join(' ');

/** A comma ends an option's value, unless there are two. */
function escape(path: string): string {
  return path.replaceAll(',', ',,');
}
