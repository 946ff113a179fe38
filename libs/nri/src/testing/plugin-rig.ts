import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../logger.ts';
import type { NriHandlers } from '../plugin/nri-handlers.ts';
import type { ConnectionState, NriPluginOptions, NriRequest } from '../plugin/nri-plugin.ts';
import { NriPlugin } from '../plugin/nri-plugin.ts';
import { FakeNriRuntime } from './fake-nri-runtime.ts';
import type { FakeNriRuntimeOptions } from './fake-nri-runtime.ts';

/** A plugin that runs, and all that it has said. */
export interface RecordedPlugin {
  readonly plugin: NriPlugin;
  readonly states: readonly ConnectionState[];
  readonly requests: readonly NriRequest[];
  readonly logged: readonly {
    readonly level: keyof Logger;
    readonly message: string;
    readonly fields: object;
  }[];
  /** Resolves when the plugin has ended. */
  readonly done: Promise<void>;
}

/** For this library's own tests: plugins and fake runtimes on one socket in a directory of their own. */
export class PluginRig {
  readonly directory = mkdtempSync(join(tmpdir(), 'nri-'));
  readonly socketPath = join(this.directory, 'nri.sock');
  /** Ends all plugins. */
  readonly stop = new AbortController();
  readonly #plugins: Promise<void>[] = [];
  readonly #runtimes: FakeNriRuntime[] = [];

  /** Starts a runtime, on the rig's socket unless told otherwise. */
  async startRuntime(options: Partial<FakeNriRuntimeOptions> = {}): Promise<FakeNriRuntime> {
    const runtime = await FakeNriRuntime.start({ socketPath: this.socketPath, ...options });
    this.#runtimes.push(runtime);
    return runtime;
  }

  /** Starts a plugin that records everything, on the rig's socket unless told otherwise. */
  startPlugin(handlers: NriHandlers, options: Partial<NriPluginOptions> = {}): RecordedPlugin {
    const states: ConnectionState[] = [];
    const requests: NriRequest[] = [];
    const logged: { level: keyof Logger; message: string; fields: object }[] = [];
    const log = (level: keyof Logger) => (fields: object, message: string) =>
      void logged.push({ level, message, fields });
    const plugin = new NriPlugin({
      name: 'test',
      index: '10',
      socketPath: this.socketPath,
      handlers,
      backoff: { initialMs: 5, maximumMs: 20 },
      logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
      onConnectionChange: (state) => void states.push(state),
      onRequest: (request) => void requests.push(request),
      ...options,
    });
    const done = plugin.run(this.stop.signal);
    this.#plugins.push(done);
    return { plugin, states, requests, logged, done };
  }

  /** Ends everything. */
  async dispose(): Promise<void> {
    this.stop.abort();
    await Promise.all(this.#plugins);
    await Promise.all(this.#runtimes.map((runtime) => runtime.stop()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
