import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { waitUntil } from '@patchbay/lab';
import { driverName, nodeName } from './conformance-rig.ts';
import type { ConformanceRig } from './conformance-rig.ts';

const program = resolve(import.meta.dirname, '../../../../examples/toy-driver/src/main.ts');
const flags = ['--conditions=@patchbay/source', '--disable-warning=ExperimentalWarning'];
/** Generous, for machines that do much else. */
const timeoutMs = 15_000;

/** How a process ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it wrote to standard error. */
  readonly complaint: string;
}

/** The example driver as a process of its own, on the rig's directories and API server. It may be killed and started again. */
export class ToyProcess {
  readonly registration: string;
  readonly service: string;
  readonly #rig: ConformanceRig;
  readonly #environment: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #complaint = '';

  /** @param podUID of the driver's pod; without one, the sockets have the plain names */
  constructor(rig: ConformanceRig, podUID?: string) {
    this.#rig = rig;
    const [registry, plugins] = [this.directory('plugins_registry'), this.directory(`plugins/${driverName}`)];
    this.registration = join(registry, `${driverName}${podUID === undefined ? '' : `-${podUID}`}-reg.sock`);
    this.service = join(plugins, podUID === undefined ? 'dra.sock' : `dra-${podUID}.sock`);
    mkdirSync(this.directory('box'), { recursive: true });
    this.#environment = {
      ...process.env,
      NODE_NAME: nodeName,
      TOY_BOX: this.directory('box'),
      KUBELET_DIRECTORY: rig.directory,
      CDI_DIRECTORY: this.directory('cdi'),
      KUBECONFIG: rig.server.kubeconfigPath,
      ...(podUID === undefined ? {} : { POD_UID: podUID }),
    };
    rig.onStop(async () => {
      await this.kill();
    });
  }

  /** Puts toys of that name into the box. */
  addToys(...names: readonly string[]): void {
    for (const name of names) writeFileSync(join(this.directory('box'), name), '{ "wheels": 4 }');
  }

  /** Starts the process; resolves when the kubelet has registered it. */
  async start(): Promise<void> {
    this.launch();
    const registered = () =>
      existsSync(this.registration)
        ? this.#rig.kubelet.register(this.registration).catch(() => undefined)
        : undefined;
    await waitUntil('the toy driver to serve', registered, { timeoutMs });
  }

  /** Starts the process without waiting for anything. */
  launch(): void {
    this.#child = spawn(process.execPath, [...flags, program], {
      env: this.#environment,
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    this.#complaint = '';
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#complaint += text));
  }

  /** Ends the process in order. */
  async stop(): Promise<ProcessExit> {
    this.#child?.kill('SIGTERM');
    return this.exit();
  }

  /** Ends the process at once, as a crash does: files and sockets stay as they are. */
  async kill(): Promise<ProcessExit> {
    this.#child?.kill('SIGKILL');
    return this.exit();
  }

  /** Resolves when the process has ended. */
  async exit(): Promise<ProcessExit> {
    const child = this.#child;
    if (child === undefined) return { code: null, signal: null, complaint: '' };
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    return { code: child.exitCode, signal: child.signalCode, complaint: this.#complaint };
  }

  /** The CDI specifications on the node, by file name. */
  specs(): Record<string, string> {
    const directory = this.directory('cdi');
    if (!existsSync(directory)) return {};
    const names = readdirSync(directory).filter((name) => name.endsWith('.json'));
    return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), 'utf8')]));
  }

  /** A directory below the rig's. */
  directory(name: string): string {
    return join(this.#rig.directory, name);
  }
}
