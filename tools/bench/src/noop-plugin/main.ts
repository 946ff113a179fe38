/** An NRI plugin that hears the same events as the driver and does nothing: `main.ts NRI-SOCKET`. Says so on standard output once it is there. */
import { NriPlugin } from '@patchbay/nri';

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
const plugin = new NriPlugin({
  name: 'noop',
  index: '10',
  socketPath: process.argv[2] ?? '',
  handlers: {
    runPodSandbox: () => {},
    stopPodSandbox: () => {},
    removePodSandbox: () => {},
    createContainer: () => {},
    synchronize: () => {},
  },
  onConnectionChange: ({ connected }) => {
    if (connected) process.stdout.write('connected\n');
  },
});
await plugin.run(stop.signal);
