import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { LabUnavailableError } from '../lab-unavailable-error.ts';
import { runUntilEnd } from '../processes/run-until-end.ts';
import { cpioArchive } from './cpio-archive.ts';
import { fetchVm } from './fetch-vm.ts';
import { qemuCommand, qemuProgram, type SharedFolder } from './qemu-command.ts';
import { kernelVariable, type VmKernel, type VmTools } from './vm-tools.ts';

/** How {@link runInVm} runs its command; everything has a default. */
export interface RunInVmOptions {
  /** Which kernel is booted; `6.12` by default. Fetched when missing. */
  readonly kernel?: VmKernel;
  /** A machine already fetched, instead of `kernel`. */
  readonly tools?: VmTools;
  /** MiB; 1024 by default. Half of it is what the guest can write. */
  readonly memory?: number;
  /** Milliseconds until the machine is switched off; ten minutes by default. */
  readonly timeoutMs?: number;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory; this process's by default. */
  readonly cwd?: string;
  /** Folders of this machine, made when missing, that the command can write to; whatever else it writes is gone with the machine. */
  readonly writable?: readonly string[];
  /** Switches the machine off. */
  readonly signal?: AbortSignal;
}

/** The virtual machine ended before its command did; the message has the last words of its kernel. */
export class VmCrashedError extends Error {
  constructor(reason: string, lastWords: string) {
    super(`${reason}${lastWords === '' ? '' : `; its last words:\n${lastWords}`}`);
    this.name = 'VmCrashedError';
  }
}

/** Path of this machine's process 1 in the guest, and where its parts lie. */
const guestScripts = join(import.meta.dirname, 'guest');

/**
 * Boots a virtual machine, runs a command there as root and switches it off. The guest sees this machine's file system, and what it changes
 * there is kept in its memory; it has a kernel, processes, a network of its own and the network cards of `qemuCommand`, for which a module
 * must be loaded first. Standard output and error both go to this process's standard output, as they come. Needs root, to read all files.
 *
 * @returns the command's exit code; 137 when it was aborted
 * @throws LabUnavailableError when this machine cannot do that; VmCrashedError when the machine crashed or took too long
 */
export async function runInVm(command: readonly string[], options: RunInVmOptions = {}): Promise<number> {
  const tools = options.tools ?? (await prepareVm(options.kernel));
  const { memory = 1024, timeoutMs = 10 * 60_000, writable = [] } = options;
  const directory = mkdtempSync(join(tmpdir(), 'patchbay-vm-'));
  const at = (name: string) => join(directory, name);
  try {
    const shares = writable.map((path, number): SharedFolder => {
      mkdirSync(path, { recursive: true });
      return { tag: `writable${number}`, path: resolve(path), writable: true };
    });
    const environment = { ...process.env, ...options.env, [kernelVariable]: tools.kernel };
    const shared = at('shared');
    mkdirSync(shared);
    copyFileSync(join(guestScripts, 'run-command.sh'), join(shared, 'run-command.sh'));
    writeFileSync(
      join(shared, 'command.sh'),
      commandScript(command, options.cwd ?? process.cwd(), environment),
    );
    writeFileSync(join(shared, 'shares'), shares.map(({ tag, path }) => `${tag} ${path}\n`).join(''));
    writeFileSync(at('initrd'), initialFileSystem(tools));

    const folders = [
      { tag: 'host', path: '/', writable: false },
      { tag: 'guest', path: tools.guest, writable: false },
      { tag: 'run', path: shared, writable: true },
      ...shares,
    ];
    const machine = { memory, initrd: at('initrd'), consoleLog: at('console'), folders };
    const timeout = AbortSignal.timeout(timeoutMs);
    // QEMU warns of cards without a way out, which is what they are meant to be; its words matter only when it fails.
    const words = openSync(at('qemu'), 'w');
    const ended = await runUntilEnd(qemuCommand(tools, machine), {
      env: qemuProgram(tools.qemu).environment,
      // At the end of its input QEMU would drop all output: this pipe stays open.
      stdio: ['pipe', 'inherit', words],
      signal: options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]),
    }).finally(() => {
      closeSync(words);
    });
    const code =
      existsSync(join(shared, 'exit-code')) && readFileSync(join(shared, 'exit-code'), 'utf8').trim();
    if (code) return Number(code);
    if (options.signal?.aborted) return ended;
    const reason = timeout.aborted
      ? `the virtual machine was switched off after ${timeoutMs / 1000} s`
      : `the virtual machine ended before its command did (QEMU's exit code: ${ended})`;
    throw new VmCrashedError(reason, `${lastLines(at('console'))}\n${lastLines(at('qemu'))}`.trim());
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/**
 * Fetches what {@link runInVm} needs, where that is missing.
 *
 * @throws LabUnavailableError when this machine cannot run the virtual machine
 */
export async function prepareVm(kernel: VmKernel = '6.12'): Promise<VmTools> {
  if (process.getuid?.() !== 0) {
    throw new LabUnavailableError(
      'the virtual machine needs root, to see all files of this machine',
      'run it as root',
    );
  }
  return fetchVm(kernel);
}

/** The initial RAM file system: busybox, and the modules that lead to the real one. */
function initialFileSystem(tools: VmTools): Buffer {
  const names = tools.bootModules.map((path) => basename(path));
  const file = (path: string, content: Uint8Array, mode = 0o644) =>
    ({ kind: 'file', path, content, mode }) as const;
  return cpioArchive([
    ...['dev', 'bin', 'boot', 'host', 'guest', 'memory', 'new'].map(
      (path) => ({ kind: 'directory', path }) as const,
    ),
    { kind: 'characterDevice', path: 'dev/console', major: 5, minor: 1 },
    file('init', readFileSync(join(guestScripts, 'init.sh')), 0o755),
    file('bin/busybox', readFileSync(tools.busybox), 0o755),
    file('boot/order', Buffer.from(names.map((name) => `${name}\n`).join(''))),
    ...tools.bootModules.map((path) => file(`boot/${basename(path)}`, readFileSync(path))),
  ]);
}

/** A shell script that runs the command in its directory and environment, which may have names that a shell cannot export. */
export function commandScript(
  command: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const variables = Object.entries(environment)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([name, value]) => `${name}=${value}`);
  const words = ['/usr/bin/env', '-i', ...variables, ...command];
  return `cd ${quote(cwd)} && exec ${words.map(quote).join(' ')}\n`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function lastLines(path: string): string {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  return lines
    .filter((line) => !line.includes('warning: hub 0 is not connected'))
    .slice(-40)
    .join('\n');
}
