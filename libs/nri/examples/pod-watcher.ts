import { NriPlugin } from '../src/index.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const plugin = new NriPlugin({
  name: 'pod-watcher',
  index: '50',
  socketPath: process.argv[2] ?? '/var/run/nri/nri.sock',
  handlers: {
    synchronize(pods, containers) {
      say(`${pods.length} pods with ${containers.length} containers exist`);
    },
    runPodSandbox(pod) {
      if (pod.annotations['example.org/forbidden'] === 'yes') {
        throw new Error(
          `pod ${pod.namespace}/${pod.name} is forbidden by its annotation example.org/forbidden`,
        );
      }
      say(`${pod.namespace}/${pod.name} runs in ${pod.networkNamespacePath ?? 'the network of the node'}`);
    },
    createContainer(pod, container) {
      say(`${pod.namespace}/${pod.name} gets container ${container.name}`);
      return { env: { WATCHED: 'yes' } };
    },
    removePodSandbox(pod) {
      say(`${pod.namespace}/${pod.name} is gone`);
    },
  },
  onConnectionChange({ connected, runtime, error }) {
    say(
      connected
        ? `connected to ${runtime?.name} ${runtime?.version}`
        : `not connected: ${error?.message ?? 'ended'}`,
    );
  },
  onRequest({ method, durationMs }) {
    say(`${method} took ${durationMs.toFixed(2)} ms`);
  },
});

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
await plugin.run(stop.signal);
