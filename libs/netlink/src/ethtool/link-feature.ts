/** One offload feature of a link, as `ethtool -k` shows it. */
export interface LinkFeature {
  /** Whether it is on. */
  readonly active: boolean;
  /** Whether somebody asked for it to be on. What is wanted can be inactive, when something that it needs is off. */
  readonly wanted: boolean;
  /** Whether the link lets it be changed; `ethtool -k` calls the others fixed. */
  readonly changeable: boolean;
}

/** All features that the kernel knows, by the kernel's names (`netdev_features_strings`, net/ethtool/common.c), such as `tx-tcp-segmentation`. */
export type LinkFeatures = Readonly<Record<string, LinkFeature>>;
