/**
 * Names, up to the end or a digit or a separator, of links that network plugins and kube-proxy make on a node for themselves. What is told by
 * other means is not here: bridges and their ports, the host's ends of pods' veth pairs, netkit. Sources: the plugins' own documentation and
 * defaults.
 */
const families: Readonly<Record<string, readonly string[]>> = {
  'reference plugins, kubenet, container engines': [
    'cni\\d',
    'cbr\\d',
    'docker\\d',
    'docker_gwbridge',
    'podman\\d',
    'nerdctl\\d',
  ],
  'kube-proxy and node-local DNS': ['kube-ipvs', 'kube-lb', 'nodelocaldns', 'kube-'],
  Flannel: ['flannel[.\\d-]', 'flannel-v6\\.'],
  Cilium: ['cilium_', 'lxc'],
  Calico: [
    'cali',
    'vxlan\\.calico',
    'vxlan-v6\\.calico',
    'wireguard\\.cali',
    'wg-v6\\.cali',
    'egress\\.calico',
    'bpfin\\.cali',
    'bpfout\\.cali',
  ],
  Weave: ['weave', 'vethwe-', 'vxlan-6784'],
  Antrea: ['antrea-'],
  'OVN and Open vSwitch': [
    'ovn-',
    'ovn\\d',
    'ovs-system',
    'br-int',
    'br-ex',
    'br-tun',
    'genev_sys_',
    'vxlan_sys_',
    'gre_sys',
    'stt_sys_',
  ],
  clouds: ['eni[0-9a-f]{11}$', 'azv[0-9a-f]', 'gke[0-9a-f]{8,}', 'vlan\\.eth\\.\\d'],
  others: ['vx-submariner', 'submariner', 'istioin', 'istioout', 'liqo'],
};

const pattern = new RegExp(`^(${Object.values(families).flat().join('|')})`);

/** Whether a link of this name, or altname, is known to belong to a network plugin. */
export function isCniLinkName(name: string): boolean {
  return pattern.test(name);
}
