import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { type CriClient, type LabContainerd, pause } from '@patchbay/lab';
import type { SandboxSide, SidePod } from './sandbox-side.ts';

const plugin = resolve(import.meta.dirname, '../noop-plugin/main.ts');
const settleMs = 100;

/**
 * The runtime with a plugin that does nothing. The driver is held while it is this side's turn: it would look at the links that the runtime's
 * CNI makes, and a node without the driver has nobody who does.
 */
export class NoopSide implements SandboxSide {
  readonly name = 'noop';
  readonly cri: CriClient;
  readonly #plugin: ChildProcess;
  readonly #driver: number;
  #pods = 0;

  private constructor(cri: CriClient, child: ChildProcess, driver: number) {
    this.cri = cri;
    this.#plugin = child;
    this.#driver = driver;
  }

  /** @param driver process id of the driver */
  static async start({ cri, nriSocket }: LabContainerd, driver: number): Promise<NoopSide> {
    const child = spawn(process.execPath, [...process.execArgv, plugin, nriSocket], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error('the plugin that does nothing has ended before it was connected');
    });
    const connected = once(child.stdout, 'data');
    await Promise.race([connected, ended]);
    ended.catch(() => {});
    return new NoopSide(cri, child, driver);
  }

  readonly makePod = async (): Promise<SidePod> => ({
    spec: { name: `bare-${this.#pods++}`, namespace: 'default', uid: randomUUID() },
    prepare: async () => [],
    unprepare: async () => {},
  });

  async begin(): Promise<void> {
    process.kill(this.#driver, 'SIGSTOP');
    await pause(settleMs);
  }

  async end(): Promise<void> {
    process.kill(this.#driver, 'SIGCONT');
    await pause(settleMs);
  }

  async stop(): Promise<void> {
    const ended = once(this.#plugin, 'exit');
    this.#plugin.kill('SIGTERM');
    await ended;
  }
}
