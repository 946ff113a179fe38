import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { LabScheduler } from '../scheduler/lab-scheduler.ts';
import { LabApiServer } from './lab-api-server.ts';

/** Command line: an API server, with the scheduler unless told not to, until SIGINT or SIGTERM. */
const { values } = parseArgs({
  options: {
    directory: { type: 'string', default: '.cache/lab/apiserver' },
    port: { type: 'string', default: '0' },
    'no-scheduler': { type: 'boolean', default: false },
  },
});
mkdirSync(values.directory, { recursive: true });
const server = await LabApiServer.start({ directory: values.directory, port: Number(values.port) });
const scheduler = new LabScheduler({
  api: server.client({ userAgent: 'lab-scheduler' }),
  onError: (error) => console.error(error),
});
if (!values['no-scheduler']) await scheduler.start();
console.log(`${server.url}\nexport KUBECONFIG=${server.kubeconfigPath}`);

const stopped = new Promise<void>((resolve) => {
  process.once('SIGINT', () => resolve());
  process.once('SIGTERM', () => resolve());
});
await stopped;
await scheduler.stop();
await server.stop();
