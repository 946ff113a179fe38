import { randomUUID } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabApiServer } from '../apiserver/lab-api-server.ts';
import { driverServiceAccount, installDriverAccess } from './driver-access.ts';

/** Where and for whom {@link DriverCredentials} are. */
export interface DriverCredentialsOptions {
  readonly server: LabApiServer;
  readonly nodeName: string;
  /** Of the pod that the driver would run in; empty for any. */
  readonly podUID: string;
  /** For the files; must exist. */
  readonly directory: string;
}

/** A driver's credentials as the kubelet keeps them for its pod: a token bound to pod and node, in a file that a kubeconfig file names. */
export class DriverCredentials {
  readonly kubeconfigPath: string;
  readonly #options: DriverCredentialsOptions;
  readonly #tokenFile: string;
  readonly #podUID: string;
  #token = '';

  constructor(options: DriverCredentialsOptions) {
    const { directory, podUID } = options;
    this.#options = options;
    this.kubeconfigPath = join(directory, `kubeconfig${podUID}.yaml`);
    this.#tokenFile = join(directory, `token${podUID}`);
    this.#podUID = podUID === '' ? randomUUID() : podUID;
  }

  /** The token as it is in the file. */
  get token(): string {
    return this.#token;
  }

  /** Makes what is missing: the driver's rights in the API server, the kubeconfig file, a token. */
  async provide(): Promise<void> {
    if (this.#token !== '') return;
    await installDriverAccess(this.#options.server);
    this.#options.server.writeKubeconfig(this.kubeconfigPath, { tokenFile: this.#tokenFile });
    this.renew();
  }

  /** Puts a new token into the file, at once, as the kubelet does before one expires. The old one stays valid. */
  renew(): void {
    const { server, nodeName } = this.#options;
    this.#token = server.issueToken({
      serviceAccount: driverServiceAccount,
      nodeName,
      podName: `patchbay-${this.#podUID.slice(0, 5)}`,
      podUID: this.#podUID,
    });
    // Whoever reads the file meanwhile has the old token or the new one, never half of one.
    const part = `${this.#tokenFile}.part`;
    writeFileSync(part, this.#token, { mode: 0o600 });
    renameSync(part, this.#tokenFile);
  }
}
