import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The kubeconfig that kubectl would use: `~/.kube/config`.
 *
 * @throws Error when it does not exist, saying what else can be done.
 */
export function defaultKubeConfigPath(): string {
  const path = join(homedir(), '.kube', 'config');
  if (existsSync(path)) return path;
  throw new Error(
    `No way to reach the API server: not running in a pod, KUBECONFIG is not set and ${path} does not exist. Name a kubeconfig file.`,
  );
}
