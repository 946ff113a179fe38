/**
 * Runs a command inside the virtual machine: `enter.ts [--kernel 6.12|7.3] [--memory MIB] [--writable FOLDER]… COMMAND…`. Fetches what is
 * missing first; with `--prepare` instead of a command that is all. The exit code is the command's; 2 for a wrong call, 3 when the machine
 * cannot run here, 125 when it crashed.
 */
import { parseArgs } from 'node:util';
import { LabUnavailableError } from '../lab-unavailable-error.ts';
import { prepareVm, runInVm, VmCrashedError } from './run-in-vm.ts';
import { vmKernels } from './vm-tools.ts';

const call = parseCall(process.argv.slice(2));
if (call === undefined) {
  console.error(
    `usage: enter.ts [--kernel ${vmKernels.join('|')}] [--memory MIB] [--writable FOLDER]… --prepare | COMMAND [ARG…]`,
  );
  process.exit(2);
}
try {
  const tools = await prepareVm(call.kernel);
  if (!call.prepare) process.exitCode = await runInVm(call.command, { ...call.options, tools });
} catch (error) {
  if (!(error instanceof LabUnavailableError || error instanceof VmCrashedError)) throw error;
  console.error(`lab: ${error.message}`);
  process.exitCode = error instanceof LabUnavailableError ? 3 : 125;
}

function parseCall(parameters: readonly string[]) {
  // Options end where the command begins, which has options of its own.
  const valued = ['--kernel', '--memory', '--writable'];
  let length = 0;
  while (parameters[length]?.startsWith('--') === true)
    length += valued.includes(parameters[length] ?? '') ? 2 : 1;
  try {
    const { values } = parseArgs({
      args: parameters.slice(0, length),
      options: {
        kernel: { type: 'string', default: '6.12' },
        memory: { type: 'string' },
        writable: { type: 'string', multiple: true, default: [] },
        prepare: { type: 'boolean', default: false },
      },
    });
    const kernel = vmKernels.find((known) => known === values.kernel);
    const command = parameters.slice(length);
    const memory = values.memory === undefined ? undefined : Number(values.memory);
    if (kernel === undefined || Number.isNaN(memory) || command.length > 0 === values.prepare)
      return undefined;
    const options = { writable: values.writable, ...(memory === undefined ? {} : { memory }) };
    return { kernel, command, prepare: values.prepare, options };
  } catch {
    return undefined;
  }
}
