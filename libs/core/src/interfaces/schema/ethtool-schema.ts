import * as z from 'zod';

/** Longest name of a feature or flag in bytes (`ETH_GSTRING_LEN` less the zero, linux/ethtool.h). */
const longestName = 31;

/** What ethtool(8) calls by short names, each for one or several of the kernel's features. */
const shortNames: Readonly<Record<string, string>> = {
  rx: 'rx-checksum',
  tx: 'tx-checksum-ipv4, tx-checksum-ip-generic, tx-checksum-ipv6, tx-checksum-fcoe-crc, tx-checksum-sctp',
  sg: 'tx-scatter-gather, tx-scatter-gather-fraglist',
  tso: 'tx-tcp-segmentation, tx-tcp-ecn-segmentation, tx-tcp-mangleid-segmentation, tx-tcp6-segmentation',
  gso: 'tx-generic-segmentation',
  gro: 'rx-gro',
  lro: 'rx-lro',
  rxvlan: 'rx-vlan-hw-parse',
  txvlan: 'tx-vlan-hw-insert',
  ntuple: 'rx-ntuple-filter',
  rxhash: 'rx-hashing',
};

const longNames: Readonly<Record<string, keyof typeof shortNames>> = {
  'rx-checksumming': 'rx',
  'tx-checksumming': 'tx',
  'scatter-gather': 'sg',
  'tcp-segmentation-offload': 'tso',
  'generic-segmentation-offload': 'gso',
  'generic-receive-offload': 'gro',
  'large-receive-offload': 'lro',
  'rx-vlan-offload': 'rxvlan',
  'tx-vlan-offload': 'txvlan',
  'ntuple-filters': 'ntuple',
  'receive-hashing': 'rxhash',
};

const switchName = z.string().refine((name) => name !== '' && Buffer.byteLength(name) <= longestName, {
  message: `a name has 1 to ${longestName} characters`,
});

const features = z.record(switchName, z.boolean()).superRefine((given, context) => {
  for (const name of Object.keys(given)) {
    const meant = shortNames[longNames[name] ?? name];
    if (meant === undefined) continue;
    const message = `is ethtool's word for features that the kernel calls: ${meant}; write those that you mean`;
    context.addIssue({ code: 'custom', path: [name], message });
  }
});

/** What drivers offer beyond what all links have. */
export const ethtool = z.strictObject({
  features: features
    .optional()
    .describe("Offload features by the kernel's names, such as tx-tcp-segmentation: true is on"),
  privateFlags: z
    .record(switchName, z.boolean())
    .optional()
    .describe("Flags of the link's driver, as ethtool --show-priv-flags lists them"),
});
