import { existsSync } from 'node:fs';
import { backendModules } from '../backends.ts';
import { loadDriverConfig } from '../configuration/load-driver-config.ts';
import { readyMarkPath } from '../observability/ready-mark.ts';

/**
 * `patchbay ready`: whether the instance that runs in this pod is ready, by the exit code. For the startup probe: the readiness probe would ask
 * the older instance of a rolling update, which has the port.
 */
export function ready(options: { readonly config: string }): void {
  const { config } = loadDriverConfig(options.config, backendModules);
  if (existsSync(readyMarkPath(config.state.directory, config.kubelet.podUID))) return;
  throw new Error('not ready: kubelet and runtime have not both accepted this instance yet');
}
