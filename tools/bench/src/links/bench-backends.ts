import { planLinks, type PlannedLink } from './planned-link.ts';
import type { BenchHost } from './bench-host.ts';

/** A backend as the bench knows it: how its links are planned, and what each rival is told to make the same. */
export interface BenchBackend {
  readonly kind: string;
  /** The numbers of links that a pod gets, and how many samples of each are taken for one of the cheapest. */
  readonly links: readonly { readonly count: number; readonly weight: number }[];
  /** The entry of the driver's configuration. */
  readonly configuration: object;
  plan(count: number): readonly PlannedLink[];
  /** The line that c/attach.c reads. */
  cCommand(link: PlannedLink): string;
  /** The lines that `ip -batch` reads on the host, given the path of the pod's namespace; those for the pod are the same for all. */
  ipCommands(link: PlannedLink, podPath: string): readonly string[];
  /** The network configuration of the CNI reference plugin that comes closest, without addresses. */
  cniNetwork(link: PlannedLink): Readonly<Record<string, unknown>> & { readonly type: string };
  /** Takes a link back from a rival's pod, whichever rival made it; succeeds when there is none. */
  remove(link: PlannedLink, host: BenchHost): Promise<void>;
}

/** Largest number of links that a pod gets. */
export const mostLinks = 8;

const mtu = 1400;
const counts = [1, mostLinks];
const cheap = counts.map((count) => ({ count, weight: 1 }));

const veth: BenchBackend = {
  kind: 'veth',
  links: cheap,
  configuration: {
    kind: 'veth',
    networks: [{ name: 'blue', mode: 'bridge', bridge: 'br-blue', devices: 64 }],
  },
  plan: (count) =>
    planLinks(count, (index) => ({
      device: 'blue',
      on: 'br-blue',
      hostName: `bench${index}`,
      hostHardwareAddress: `02:00:5e:00:02:0${index}`,
      hardwareAddress: `02:00:5e:00:01:0${index}`,
      mtu,
    })),
  cCommand: ({ hostName, hostHardwareAddress, on, podName, hardwareAddress, ...link }) =>
    `veth ${hostName} ${hostHardwareAddress} ${on} ${podName} ${hardwareAddress} ${link.mtu} ${addressing(link)}`,
  ipCommands: ({ hostName, hostHardwareAddress, on, podName, hardwareAddress, mtu: bytes }, podPath) => [
    `link add ${hostName} up address ${hostHardwareAddress} mtu ${bytes} master ${on} type veth peer name ${podName} address ${hardwareAddress} mtu ${bytes} netns ${podPath}`,
  ],
  cniNetwork: ({ on, mtu: bytes }) => ({ type: 'bridge', bridge: on, mtu: bytes }),
  remove: ({ hostName = '' }, host) => host.deleteLink(hostName),
};

const macvlan: BenchBackend = {
  kind: 'macvlan',
  links: cheap,
  configuration: { kind: 'macvlan', parents: [{ link: 'uplink0', devices: 64 }] },
  plan: (count) =>
    planLinks(count, (index) => ({
      device: 'uplink0',
      on: 'uplink0',
      hardwareAddress: `02:00:5e:00:03:0${index}`,
      mtu,
    })),
  cCommand: ({ on, podName, hardwareAddress, ...link }) =>
    `macvlan ${on} ${podName} ${hardwareAddress} ${link.mtu} ${addressing(link)}`,
  ipCommands: ({ on, podName, hardwareAddress, mtu: bytes }, podPath) => [
    `link add link ${on} name ${podName} address ${hardwareAddress} mtu ${bytes} netns ${podPath} type macvlan mode bridge`,
  ],
  cniNetwork: ({ on, mtu: bytes }) => ({ type: 'macvlan', master: on, mode: 'bridge', mtu: bytes }),
  remove: ({ podName }, host) => host.deletePodLink(podName),
};

const hostdev: BenchBackend = {
  kind: 'hostdev',
  // Each move takes the kernel tens of milliseconds, there and back.
  links: [
    { count: 1, weight: 1 },
    { count: mostLinks, weight: 0.8 },
  ],
  configuration: { kind: 'hostdev', links: [{ name: 'nic*' }] },
  plan: (count) => planLinks(count, (index) => ({ device: `nic${index}`, on: `nic${index}` })),
  cCommand: ({ on, podName, ...link }) => `move ${on} ${podName} ${addressing(link)}`,
  ipCommands: ({ on, podName }, podPath) => [`link set ${on} netns ${podPath} name ${podName}`],
  cniNetwork: ({ on }) => ({ type: 'host-device', device: on }),
  remove: ({ on, podName }, host) => host.restoreCard(on, podName),
};

/** Every backend that is measured. */
export const benchBackends: readonly BenchBackend[] = [veth, macvlan, hostdev];

function addressing({ address, route }: Pick<PlannedLink, 'address' | 'route'>): string {
  return `${address} ${route.destination} ${route.gateway}`;
}
