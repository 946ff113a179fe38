import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { z } from 'zod';

/** Where the server is, and by what a client knows it. */
export interface ServerAddress {
  /** Base address, without a trailing slash. */
  url: string;
  /** PEM text of the authority that signed the server's certificate. */
  authority: string;
}

/** What a client needs to reach the server. */
export interface Connection extends ServerAddress {
  token: string;
}

/** The same with the token in a file of its own, which may be replaced at any time. */
export interface FileConnection extends ServerAddress {
  /** Absolute path. */
  tokenFile: string;
}

/** Writes a kubeconfig file, readable by its owner only, that every Kubernetes client understands. */
export function writeKubeconfig(path: string, connection: Connection | FileConnection): void {
  const user = 'token' in connection ? { token: connection.token } : { tokenFile: connection.tokenFile };
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'lab',
    clusters: [
      {
        name: 'lab',
        cluster: {
          server: connection.url,
          'certificate-authority-data': Buffer.from(connection.authority).toString('base64'),
        },
      },
    ],
    users: [{ name: 'lab', user }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab', namespace: 'default' } }],
  };
  writeFileSync(path, stringify(document), { mode: 0o600 });
}

const kubeconfigSchema = z.object({
  clusters: z.array(
    z.object({ cluster: z.object({ server: z.string(), 'certificate-authority-data': z.string() }) }),
  ),
  users: z.array(
    z.object({ user: z.union([z.object({ token: z.string() }), z.object({ tokenFile: z.string() })]) }),
  ),
});

/** Reads a file that {@link writeKubeconfig} wrote, and the token as it is now; throws when it is no such file. */
export function readKubeconfig(path: string): Connection {
  const { clusters, users } = kubeconfigSchema.parse(parse(readFileSync(path, 'utf8')));
  const [cluster] = clusters;
  const [entry] = users;
  if (cluster === undefined || entry === undefined) throw new Error(`${path} has no cluster or no user`);
  const { user } = entry;
  return {
    url: cluster.cluster.server,
    authority: Buffer.from(cluster.cluster['certificate-authority-data'], 'base64').toString('utf8'),
    token: 'token' in user ? user.token : readFileSync(user.tokenFile, 'utf8').trim(),
  };
}
