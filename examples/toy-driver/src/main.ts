import { hostname } from 'node:os';
import { CdiSpecStore, DeviceHealthFeed, DraPlugin, KubeApi, ResourceSlicePublisher } from '@patchbay/dra';
import { watchToys } from './toy-box.ts';
import type { Toy } from './toy-box.ts';
import { toyDriver } from './toy-driver.ts';

const driverName = 'toys.example.com';
const { NODE_NAME: nodeName = hostname(), POD_UID: podUID, TOY_BOX: toyBox = '/var/lib/toys' } = process.env;
const { KUBELET_DIRECTORY: kubelet = '/var/lib/kubelet', CDI_DIRECTORY: cdi = '/var/run/cdi' } = process.env;

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

const api = KubeApi.fromKubeConfig();
const health = new DeviceHealthFeed();
const specs = new CdiSpecStore({ directory: cdi, vendor: driverName, class: 'claim' });
const onError = ({ message }: Error) => console.error(message);
const publisher = new ResourceSlicePublisher({ api, driverName, nodeName, onError });
const plugin = new DraPlugin({
  ...toyDriver(specs, nodeName),
  driverName,
  api,
  health,
  nodeName,
  registryDirectory: `${kubelet}/plugins_registry`,
  pluginDirectory: `${kubelet}/plugins/${driverName}`,
  ...(podUID === undefined ? {} : { podUID }),
});

// Rejects when a socket cannot be served, and so ends the process: better than a driver that nobody can call.
await plugin.start();
watchToys(toyBox, announce, stop.signal);
// The slices stay behind, so that a restart does not make devices vanish.
await publisher.run(stop.signal);
await plugin.stop();
api.close();

function announce(toys: readonly Toy[]): void {
  const devices = toys.map(({ name, wheels, broken }) => ({
    name,
    attributes: { wheels: { int: wheels } },
    taints: broken === undefined ? [] : [{ key: `${driverName}/broken`, effect: 'NoSchedule' as const }],
  }));
  publisher.update([{ name: nodeName, devices }]);
  const states = toys.map(({ name, broken }) => ({
    pool: nodeName,
    device: name,
    health: broken === undefined ? ('healthy' as const) : ('unhealthy' as const),
    message: broken ?? '',
  }));
  health.report(states);
}
