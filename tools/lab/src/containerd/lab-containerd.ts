import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CriClient } from '../cri/cri-client.ts';
import { cgroupVariable } from '../cri/cri-messages.ts';
import { containerdConfig } from './containerd-config.ts';
import type { ContainerdTools } from './containerd-tools.ts';
import { LabUnavailableError } from '../lab-unavailable-error.ts';
import { killShims } from './shim-processes.ts';
import { labImage } from './test-image.ts';
import { waitUntil } from '../waiting/wait-until.ts';
import { unmountBelow } from './unmount-below.ts';

const run = promisify(execFile);

/** Unix socket addresses hold 108 bytes including the terminating zero (unix(7)). */
const longestSocketPath = 107;

/** How a lab runtime is set up; everything but the tools has a default. */
export interface LabContainerdOptions {
  /** The runtime to run; from `fetchContainerd` or, inside the lab, `enteredContainerdTools`. */
  readonly tools: ContainerdTools;
  /** Where it keeps everything; a new one below /run by default. Created when missing, removed by `stop` with its pods. Keep it short. */
  readonly directory?: string;
  /** Whether to switch NRI off, as containerd 1.7 does by default; false by default. */
  readonly nriDisabled?: boolean;
  /** NRI's deadline in ms for a plugin to register; 5000 as in containerd by default. */
  readonly registrationTimeoutMs?: number;
  /** NRI's deadline in ms for a plugin to answer one hook; 2000 as in containerd by default. */
  readonly requestTimeoutMs?: number;
  /** IPv4 network of the pods' `eth0`, different for runtimes that run side by side; `10.213.7.0/24` by default. */
  readonly podSubnet?: string;
}

/**
 * A real containerd with CRI, CNI and NRI, for one test. Run it inside the lab (`runInLab`): it makes mounts, cgroups and network
 * namespaces.
 */
export class LabContainerd {
  /** Where everything of this runtime lies. */
  readonly directory: string;
  /** Socket of the Container Runtime Interface. */
  readonly criSocket: string;
  /** Socket for NRI plugins; does not exist when NRI is switched off. */
  readonly nriSocket: string;
  /** Where the runtime reads CDI specs. */
  readonly cdiDirectory: string;
  /** The runtime's log at level debug, of all its lives. */
  readonly logFile: string;
  readonly tools: ContainerdTools;
  /** A client of this runtime; closed by `stop`. */
  readonly cri: CriClient;
  #process: ChildProcess | undefined;

  private constructor(options: LabContainerdOptions) {
    this.tools = options.tools;
    mkdirSync('/run/lab', { recursive: true });
    this.directory = options.directory ?? mkdtempSync('/run/lab/c');
    const at = (name: string) => join(this.directory, name);
    this.criSocket = at('containerd.sock');
    this.nriSocket = at('nri.sock');
    this.cdiDirectory = at('cdi');
    this.logFile = at('containerd.log');
    const ttrpcSocket = `${this.criSocket}.ttrpc`;
    if (Buffer.byteLength(ttrpcSocket) > longestSocketPath) {
      throw new RangeError(`directory ${this.directory} is too long for a unix socket path: ${ttrpcSocket}`);
    }
    const cniDirectory = at('cni');
    for (const path of [this.cdiDirectory, cniDirectory, at('nri/plugins'), at('nri/conf.d'), at('tmp')]) {
      mkdirSync(path, { recursive: true });
    }
    writeFileSync(
      at('config.toml'),
      containerdConfig(options.tools, {
        directory: this.directory,
        criSocket: this.criSocket,
        nriSocket: this.nriSocket,
        cdiDirectory: this.cdiDirectory,
        cniDirectory,
        nriDisabled: options.nriDisabled ?? false,
        registrationTimeoutMs: options.registrationTimeoutMs ?? 5000,
        requestTimeoutMs: options.requestTimeoutMs ?? 2000,
      }),
    );
    const addresses = {
      type: 'host-local',
      dataDir: at('ipam'),
      ranges: [[{ subnet: options.podSubnet ?? '10.213.7.0/24' }]],
    };
    const network = {
      cniVersion: '1.0.0',
      name: 'lab',
      plugins: [{ type: 'ptp', ipMasq: false, ipam: addresses }],
    };
    writeFileSync(join(cniDirectory, '10-lab.conflist'), JSON.stringify(network));
    this.cri = new CriClient(this.criSocket);
  }

  /**
   * Starts a runtime with fresh state and waits until it can run pods of the test image. Takes about 0.3 s. Works any number of times
   * in one lab.
   *
   * @throws LabUnavailableError outside the lab, and when it does not come up
   */
  static async start(options: LabContainerdOptions): Promise<LabContainerd> {
    if (process.env[cgroupVariable] === undefined) {
      throw new LabUnavailableError(
        'containerd is only started inside the lab, where its mounts, links and cgroups do not touch the machine',
        'run this through tools/lab/src/containerd/enter.ts or runInLab',
      );
    }
    const containerd = new LabContainerd(options);
    await containerd.#start();
    await run(options.tools.ctr, [
      ...['--address', containerd.criSocket, '--namespace', 'k8s.io'],
      ...['images', 'import', options.tools.image],
    ]);
    // CRI learns of images through containerd's events, a little after the import has returned.
    await waitUntil(`CRI to see the imported image ${labImage}`, () => containerd.cri.hasImage(labImage), {
      timeoutMs: 20_000,
    });
    return containerd;
  }

  /** Whether the runtime's process is alive. */
  get running(): boolean {
    return this.#process !== undefined;
  }

  /** Process id of the runtime while it lives. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Everything that the runtime has logged so far. */
  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  /** Kills the runtime the hard way. Its pods live on in their shims; `restart` finds them again. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Holds the runtime: it does nothing more until {@link resume}, and its clients wait. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  /** Lets a held runtime go on. */
  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Starts the runtime again on the state that it left, after `kill` or `stop`, or instead of the one that runs. */
  async restart(): Promise<void> {
    await this.#end('SIGTERM');
    await this.#start();
  }

  /**
   * Ends the runtime.
   *
   * @param options.removePods whether to remove all pods, whatever shim is left, and the directory as well; true by default. With
   *   false the pods live on and `restart` finds them again.
   */
  async stop(options: { readonly removePods?: boolean } = {}): Promise<void> {
    if (options.removePods === false) return this.#end('SIGTERM');
    if (!this.running) await this.#start();
    for (const { id } of await this.cri.listPodSandbox()) {
      await this.cri.stopPodSandbox(id);
      await this.cri.removePodSandbox(id);
    }
    await this.#end('SIGTERM');
    this.cri.close();
    // A runtime that was killed in the wrong moment, or whose hook failed, has shims that it no longer knows (containerd 2.1).
    await killShims(this.criSocket);
    unmountBelow(this.directory);
    rmSync(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<void> {
    const output = openSync(this.logFile, 'a');
    const before = statSync(this.logFile).size;
    const child = spawn(this.tools.containerd, ['--config', join(this.directory, 'config.toml')], {
      stdio: ['ignore', output, output],
      env: {
        ...process.env,
        PATH: [...this.tools.path, process.env['PATH'] ?? ''].join(':'),
        TMPDIR: join(this.directory, 'tmp'),
      },
    });
    closeSync(output);
    this.#process = child;
    let failure: string | undefined;
    child.once('error', (error) => {
      failure = error.message;
      this.#process = undefined;
    });
    child.once('exit', (code, signal) => {
      failure = `it exited with ${String(code ?? signal)}`;
      if (this.#process === child) this.#process = undefined;
    });
    const log = () => readFileSync(this.logFile).subarray(before).toString('utf8');
    const lastLines = () => log().split('\n').slice(-15).join('\n');
    // The socket is there earlier, but a client that dials too early is answered late.
    await waitUntil(
      () => `containerd to boot; its last words:\n${lastLines()}`,
      () => failure !== undefined || log().includes('containerd successfully booted'),
      { timeoutMs: 20_000 },
    );
    if (failure !== undefined) {
      throw new LabUnavailableError(
        `containerd did not start: ${failure}\n${lastLines()}`,
        'run it inside the lab (tools/lab/src/containerd/enter.ts), as root',
      );
    }
    await this.cri.ready();
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => {
        resolve();
      });
    });
    child.kill(signal);
    const insist = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(insist);
    this.#process = undefined;
  }
}
