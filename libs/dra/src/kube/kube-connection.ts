import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as http from 'node:http';
import * as https from 'node:https';
import { isIPv6 } from 'node:net';
import { dirname, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';

/** What one request needs besides its own path and body. */
export interface RequestSettings {
  /** Scheme, host and port, perhaps with a path prefix, without a trailing `/`. */
  readonly server: string;
  /** Authorization and impersonation. */
  readonly headers: Readonly<Record<string, string>>;
  /** Keeps connections alive and carries the TLS settings. */
  readonly agent: http.Agent;
}

/** Knows how to reach and authenticate with one API server; asked before every request, so credentials may change. */
export interface KubeConnection {
  settings(): Promise<RequestSettings>;
  /** Reads credentials again that the API server has refused (401), before the request is repeated. Absent where they cannot change. */
  renew?(): void;
  /** Closes idle connections. */
  close(): void;
}

/** Where the kubelet puts a pod's credentials. */
const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';
/** How long a token or certificate read from a file is used; client-go re-reads tokens every minute as well. */
const credentialLifetimeMs = 60_000;

/** Keeps one agent until the TLS settings change (rotated certificates). */
class AgentCache {
  #key = '';
  #agent: http.Agent | undefined;

  agent(server: string, tls: https.AgentOptions): http.Agent {
    const key = createHash('sha256')
      .update(JSON.stringify([server, tls.ca, tls.cert, tls.key, tls.servername, tls.rejectUnauthorized]))
      .digest('hex');
    if (this.#agent !== undefined && key === this.#key) return this.#agent;
    const previous = this.#agent;
    // Requests under way keep their sockets; only idle ones must not outlive the old credentials.
    for (const sockets of Object.values(previous?.freeSockets ?? {}))
      sockets?.forEach((socket) => socket.destroy());
    const options = { keepAlive: true, keepAliveMsecs: 30_000, maxFreeSockets: 4 };
    this.#agent = server.startsWith('http:')
      ? new http.Agent(options)
      : new https.Agent({ ...options, ...tls });
    this.#key = key;
    return this.#agent;
  }

  close(): void {
    this.#agent?.destroy();
    this.#agent = undefined;
  }
}

/** A connection as a client-node `KubeConfig` describes it: its current context, any authentication that client-node knows. */
export function kubeConfigConnection(config: KubeConfig): KubeConnection {
  const agents = new AgentCache();
  return {
    async settings() {
      const cluster = config.getCurrentCluster();
      if (cluster === null) {
        throw new Error(
          `The kubeconfig names no cluster: its current-context is '${config.getCurrentContext()}'`,
        );
      }
      const server = cluster.server.replace(/\/+$/, '');
      const options: https.RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value);
      if (options.auth) headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
      const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options;
      const tls = Object.fromEntries(
        Object.entries({ ca, cert, key, pfx, passphrase, servername, rejectUnauthorized }).filter(
          ([, value]) => value !== undefined,
        ),
      );
      // Only client-node's own agent goes through a configured proxy.
      const agent =
        cluster.proxyUrl !== undefined && options.agent instanceof http.Agent
          ? options.agent
          : agents.agent(server, tls);
      return { server, headers, agent };
    },
    close: () => agents.close(),
  };
}

/**
 * A connection from a kubeconfig file. client-node's configuration loader (20 MiB of memory with everything it imports) is loaded on the
 * first request, so that a driver running in the cluster never pays for it.
 */
export function kubeConfigFileConnection(path: string): KubeConnection {
  let loading: Promise<KubeConnection> | undefined;
  let loaded: KubeConnection | undefined;
  const load = async () => {
    const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
    const config = new KubeConfig();
    // client-node 2.0 looks for `tokenFile` under another name (findToken in its config_types).
    const text = await readFile(path, 'utf8');
    config.loadFromString(text.replace(/(["']?)\btokenFile\1(?=\s*:)/g, '$1token-file$1'));
    config.makePathsAbsolute(dirname(path));
    // Files end with a line break, headers must not.
    config.users = config.users.map((user) => (user.token ? { ...user, token: user.token.trim() } : user));
    return (loaded = kubeConfigConnection(config));
  };
  return {
    async settings() {
      loading ??= load();
      try {
        return await (await loading).settings();
      } catch (error) {
        if (loaded === undefined) loading = undefined;
        throw error;
      }
    },
    renew() {
      loaded?.close();
      loading = loaded = undefined;
    },
    close: () => loaded?.close(),
  };
}

/** Whether this process runs in a pod with a service account. */
export function isInCluster(environment: NodeJS.ProcessEnv = process.env): boolean {
  return Boolean(environment['KUBERNETES_SERVICE_HOST']) && Boolean(environment['KUBERNETES_SERVICE_PORT']);
}

/**
 * A connection with the pod's own service account: address from `KUBERNETES_SERVICE_HOST` and `_PORT`, token and CA certificate from
 * `directory`, both re-read every minute because the kubelet rotates them.
 */
export function inClusterConnection(
  directory = serviceAccountDirectory,
  environment: NodeJS.ProcessEnv = process.env,
): KubeConnection {
  const host = environment['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (host === '') throw new Error('KUBERNETES_SERVICE_HOST is not set: this process does not run in a pod');
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const agents = new AgentCache();
  let credentials: { token: string; ca: Buffer; readAt: number } | undefined;
  return {
    async settings() {
      if (credentials === undefined || Date.now() - credentials.readAt > credentialLifetimeMs) {
        const [token, ca] = await Promise.all([
          readFile(join(directory, 'token'), 'utf8'),
          readFile(join(directory, 'ca.crt')),
        ]);
        credentials = { token: token.trim(), ca, readAt: Date.now() };
      }
      const headers = { Authorization: `Bearer ${credentials.token}` };
      return { server, headers, agent: agents.agent(server, { ca: credentials.ca }) };
    },
    renew: () => (credentials = undefined),
    close: () => agents.close(),
  };
}
