import type { Wish } from '../host/proof-claim.ts';

/** A claim that commands may prepare: what it asks for, and for which pods. */
export interface PlannedClaim {
  readonly name: string;
  readonly wishes: readonly Wish[];
  readonly pods: readonly string[];
}

/** The node's whole links. */
export const cards: readonly string[] = ['nic0', 'nic1', 'nic2'];
/** The pods that may run, one sandbox after the other. */
export const pods: readonly string[] = ['a', 'b', 'c'];

/** The claims of the scenario: each backend's, one with several devices, one that pods share, and two that want the same card in turn. */
export const plannedClaims: readonly PlannedClaim[] = [
  { name: 'bridged', pods: ['a'], wishes: [veth('blue-0', 'blue0', '10.20.0.1/24')] },
  { name: 'routed', pods: ['a'], wishes: [veth('red-0', 'red0', '10.21.0.1/24')] },
  { name: 'macvlan', pods: ['b'], wishes: [macvlan('uplink0-0', 'lan0', '10.22.0.1/24')] },
  { name: 'card', pods: ['a'], wishes: [card('nic0', 'fast0', '10.23.0.1/24')] },
  { name: 'same card', pods: ['c'], wishes: [card('nic0', 'fast0', '10.23.0.2/24')] },
  { name: 'other card', pods: ['b'], wishes: [card('nic1', 'fast1', '10.23.1.1/24')] },
  {
    name: 'several',
    pods: ['c'],
    wishes: [
      veth('blue-1', 'blue1', '10.20.0.2/24'),
      macvlan('uplink0-1', 'lan1', '10.22.0.2/24'),
      card('nic2', 'fast2', '10.23.2.1/24'),
    ],
  },
  {
    name: 'shared',
    pods: ['a', 'b'],
    wishes: [{ ...macvlan('uplink0-2', 'both0', ''), interface: { name: 'both0', addresses: [] } }],
  },
];

function veth(device: string, name: string, address: string): Wish {
  return { kind: 'veth', device, interface: { name, addresses: [address] } };
}

function macvlan(device: string, name: string, address: string): Wish {
  return { kind: 'macvlan', device, interface: { name, addresses: [address] } };
}

function card(device: string, name: string, address: string): Wish {
  return { kind: 'hostdev', device, interface: { name, addresses: [address], mtu: 8000 } };
}
