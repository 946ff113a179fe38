import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { z } from 'zod';

/** What a client needs to reach the server. */
export interface Connection {
  /** Base address, without a trailing slash. */
  url: string;
  /** PEM text of the authority that signed the server's certificate. */
  authority: string;
  token: string;
}

/** Writes a kubeconfig file, readable by its owner only, that every Kubernetes client understands. */
export function writeKubeconfig(path: string, connection: Connection): void {
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
    users: [{ name: 'lab', user: { token: connection.token } }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab', namespace: 'default' } }],
  };
  writeFileSync(path, stringify(document), { mode: 0o600 });
}

const kubeconfigSchema = z.object({
  clusters: z.array(
    z.object({ cluster: z.object({ server: z.string(), 'certificate-authority-data': z.string() }) }),
  ),
  users: z.array(z.object({ user: z.object({ token: z.string() }) })),
});

/** Reads a file that {@link writeKubeconfig} wrote; throws when it is no such file. */
export function readKubeconfig(path: string): Connection {
  const { clusters, users } = kubeconfigSchema.parse(parse(readFileSync(path, 'utf8')));
  const [cluster] = clusters;
  const [user] = users;
  if (cluster === undefined || user === undefined) throw new Error(`${path} has no cluster or no user`);
  return {
    url: cluster.cluster.server,
    authority: Buffer.from(cluster.cluster['certificate-authority-data'], 'base64').toString('utf8'),
    token: user.user.token,
  };
}
