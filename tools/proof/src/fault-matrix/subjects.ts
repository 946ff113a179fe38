import type { Wish } from '../host/proof-claim.ts';

/** What the matrix is made for: a claim of each backend's, and one of all. */
export interface Subject {
  readonly name: string;
  readonly wishes: readonly Wish[];
  /** Whether a DHCP server serves them. */
  readonly leases?: boolean;
  /** Names of the operations that are interrupted; default: all. */
  readonly operations?: readonly string[];
}

const bridged: Wish = {
  kind: 'veth',
  device: 'blue-0',
  interface: {
    ...{ name: 'blue0', addresses: ['10.20.0.1/24', '2001:db8:20::1/64'], mtu: 1400, forwarding: false },
    sysctls: { 'net.ipv4.conf.IFNAME.arp_ignore': 1 },
  },
  more: {
    routes: [{ destination: '10.98.0.0/16', gateway: '10.20.0.254', table: 100 }],
    rules: [{ source: '10.20.0.1/32', table: 100 }],
    neighbours: [{ address: '10.20.0.254', hardwareAddress: '02:00:5e:00:53:02' }],
  },
};
const routed: Wish = {
  kind: 'veth',
  device: 'red-0',
  interface: { name: 'red0', addresses: ['10.21.0.1/24', '2001:db8:21::1/64'] },
};
const macvlan: Wish = {
  kind: 'macvlan',
  device: 'uplink0-0',
  interface: { name: 'lan0', addressRange: 'lan' },
  held: 1,
  more: { routes: [{ destination: '10.99.0.0/16', gateway: '10.22.0.254' }] },
};
const hostdev: Wish = {
  kind: 'hostdev',
  device: 'nic0',
  interface: {
    ...{ name: 'fast0', addresses: ['10.23.0.1/24'], mtu: 8000, promiscuous: true, txQueueLength: 200 },
    ...{ hardwareAddress: '02:00:5e:00:53:01', gsoMaxSize: 32_768, detachEBPF: true },
    sysctls: { 'net.ipv4.conf.IFNAME.rp_filter': 2 },
    ethtool: { features: { 'tx-tcp-segmentation': false } },
  },
  more: { rules: [{ source: '10.23.0.1/32', table: 101, priority: 6000 }] },
};

const leased: Wish = {
  kind: 'veth',
  device: 'blue-0',
  interface: { name: 'blue0', dhcp: { ipv6: true } },
  held: 2,
};
const borrowed: Wish = { kind: 'hostdev', device: 'nic9', interface: { name: 'fast0', dhcp: {} }, held: 1 };

/** The same sorts of devices without further wishes: what is tried is that there are several, of which two are moved together. */
const several: readonly Wish[] = [routed, macvlan, hostdev, { ...hostdev, device: 'nic1' }].map(
  ({ kind, device }, index) => ({
    ...{ kind, device },
    interface: { name: `net${index}`, addresses: [`10.2${index}.0.1/24`] },
  }),
);

/** All subjects, by the names that the matrix has for them. */
export const subjects: readonly Subject[] = [
  { name: 'veth bridge', wishes: [bridged] },
  // Of these, which wait much, the rows are begun early. What else is done to them has to do with the link alone.
  { name: 'leases', wishes: [leased], leases: true, operations: ['prepare', 'attach', 'unprepare'] },
  { name: 'lease of a link that is down', wishes: [borrowed], leases: true, operations: ['prepare'] },
  { name: 'veth routed', wishes: [routed] },
  { name: 'macvlan', wishes: [macvlan] },
  { name: 'hostdev', wishes: [hostdev] },
  { name: 'several in one claim', wishes: several },
];
