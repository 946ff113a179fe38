import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildDriver, type DriverBuild } from '@patchbay/bundle';
import { once } from 'node:events';
import { stringify } from 'yaml';
import { waitUntil } from '../waiting/wait-until.ts';
import { DriverCredentials } from './driver-credentials.ts';
import type { LabCluster } from './lab-cluster.ts';

/** The bundle, built once for this process, so that no test runs an old one. */
let built: Promise<DriverBuild> | undefined;

/** The node that a driver runs on, such as a {@link LabCluster}. */
export type DriverNode = Pick<
  LabCluster,
  'directory' | 'nodeName' | 'registryDirectory' | 'pluginsDirectory' | 'server'
> & {
  readonly containerd: Pick<LabCluster['containerd'], 'nriSocket' | 'cdiDirectory'>;
};

/**
 * A `patchbay run` process on a lab cluster's node, with the rights and the token that it would have in a pod there. It may be killed and
 * started again on the same state.
 */
export class DriverProcess {
  /** Where the driver keeps its journal and gates. */
  readonly stateDirectory: string;
  readonly logFile: string;
  readonly credentials: DriverCredentials;
  readonly #configFile: string;
  readonly #environment: NodeJS.ProcessEnv;
  #process: ChildProcess | undefined;
  #logStart = 0;

  /**
   * @param backends entries of the configuration's `backends`
   * @param overrides further fields of the configuration, or of its parts
   * @param podUID of the pod that the driver would run in: instances in several pods serve side by side on one state
   */
  constructor(cluster: DriverNode, backends: readonly object[], overrides: object = {}, podUID = '') {
    const directory = join(cluster.directory, 'driver');
    mkdirSync(directory, { recursive: true });
    this.stateDirectory = join(directory, 'state');
    this.logFile = join(directory, `driver${podUID}.log`);
    this.#configFile = join(directory, `config${podUID}.yaml`);
    this.credentials = new DriverCredentials({
      server: cluster.server,
      nodeName: cluster.nodeName,
      ...{ podUID, directory },
    });
    this.#environment = { ...process.env, NODE_NAME: cluster.nodeName, POD_UID: podUID };
    writeFileSync(
      this.#configFile,
      stringify(
        withOverrides(
          {
            apiVersion: 'patchbay.dev/v1alpha1',
            kind: 'DriverConfig',
            kubernetes: { kubeconfig: this.credentials.kubeconfigPath },
            kubelet: {
              registryDirectory: cluster.registryDirectory,
              pluginsDirectory: cluster.pluginsDirectory,
            },
            nri: { socketPath: cluster.containerd.nriSocket },
            cdi: { directory: cluster.containerd.cdiDirectory },
            state: { directory: this.stateDirectory },
            metrics: { port: 0 },
            log: { level: 'debug' },
            backends,
          },
          overrides,
        ),
      ),
    );
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** All that the driver has logged, of all its lives. */
  get log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  /** Starts the driver; resolves when kubelet and runtime have accepted it. */
  async start(
    options: { readonly environment?: NodeJS.ProcessEnv; readonly wait?: boolean } = {},
  ): Promise<void> {
    const { program } = await (built ??= buildDriver());
    await this.credentials.provide();
    this.#logStart = this.log.length;
    const output = openSync(this.logFile, 'a');
    this.#process = spawn(process.execPath, [program, 'run', '--config', this.#configFile], {
      stdio: ['ignore', output, output],
      env: { ...this.#environment, ...options.environment },
    });
    closeSync(output);
    if (options.wait !== false) await this.ready();
  }

  /** Resolves when kubelet and runtime have accepted the driver. */
  async ready(): Promise<void> {
    await waitUntil(
      () => `the driver to be ready; its log ends with:\n${this.log.slice(-2000)}`,
      async () => {
        if (this.#process?.exitCode !== null)
          throw new Error(`the driver has ended:\n${this.log.slice(-2000)}`);
        return (await this.#get('/readyz'))?.ok;
      },
      { timeoutMs: 15_000 },
    );
  }

  /** What the driver says of itself at /readyz. */
  async readiness(): Promise<string> {
    return (await (await this.#get('/readyz'))?.text()) ?? '';
  }

  /** The driver's metrics in Prometheus' text format. */
  async metrics(): Promise<string> {
    return (await (await this.#get('/metrics'))?.text()) ?? '';
  }

  /**
   * Runs one of the driver's commands on its state, whether it runs or not.
   *
   * @returns what the command printed
   * @throws when it ends with an error; the message has what it complained of
   */
  async command(name: string, ...parameters: readonly string[]): Promise<string> {
    const { program } = await (built ??= buildDriver());
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [program, name, '--config', this.#configFile, ...parameters],
      { env: this.#environment },
    );
    return stdout;
  }

  /** Ends the driver in order and resolves with its exit code. */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  /** Kills the driver at once, as a crash does. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Resolves when the driver has ended by itself. */
  async ended(): Promise<void> {
    if (this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null) {
      await once(this.#process, 'exit');
    }
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const child = this.#process;
    if (child === undefined) return null;
    child.kill(signal);
    await this.ended();
    return child.exitCode;
  }

  async #get(path: string): Promise<Response | undefined> {
    const port = /"port":(\d+)/.exec(this.log.slice(this.#logStart))?.[1];
    if (port === undefined) return undefined;
    return fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
  }
}

/** A configuration with other fields, also within its parts. */
function withOverrides(configuration: object, overrides: object): object {
  const parts = new Map<string, unknown>(Object.entries(configuration));
  for (const [name, value] of Object.entries(overrides) as [string, unknown][]) {
    const part = parts.get(name);
    parts.set(name, isPart(part) && isPart(value) ? { ...part, ...value } : value);
  }
  return Object.fromEntries(parts);
}

function isPart(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
