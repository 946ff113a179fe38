import { arch } from 'node:process';
import { libc } from '../system/libc.ts';
import { SystemCallError } from '../system/system-error.ts';

/** Number of bpf(2) (`__NR_bpf`): of its own on x86-64, the generic table's elsewhere. */
const systemCall = arch === 'x64' ? 321n : 280n;

/** Commands (`enum bpf_cmd`, linux/bpf.h). */
export const bpfCommands = {
  programLoad: 5,
  programAttach: 8,
  programDetach: 9,
  programById: 13,
  programQuery: 16,
  linkCreate: 28,
  linkById: 30,
  linkDetach: 34,
} as const;

/**
 * Calls bpf(2).
 *
 * @param attributes the command's part of `union bpf_attr`; the kernel takes what follows for zero, and writes its answer into it
 * @throws SystemCallError
 */
export function bpf(operation: string, command: number, attributes: Buffer): number {
  const { syscall } = libc();
  const result = syscall.call(systemCall, BigInt(command), attributes, BigInt(attributes.length));
  if (result < 0) throw new SystemCallError(operation, syscall.errno);
  return result;
}
