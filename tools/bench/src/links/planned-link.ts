/** One link that a pod is to get, as every contestant is told of it. */
export interface PlannedLink {
  /** Name of the device under which the driver publishes it. */
  readonly device: string;
  /** What it is made of on the host: the bridge, the parent, or the card itself. */
  readonly on: string;
  /** Name of the host's end, for links that have one. */
  readonly hostName?: string;
  readonly hostHardwareAddress?: string;
  readonly podName: string;
  /** Absent where it stays as it is. */
  readonly hardwareAddress?: string;
  /** Bytes; absent where it stays as it is. */
  readonly mtu?: number;
  /** IPv4, with the length of its prefix. */
  readonly address: string;
  readonly route: { readonly destination: string; readonly gateway: string };
}

/** Plans so many links for one pod; they differ in their last parts. */
export function planLinks(count: number, plan: (index: number) => LinkPlace): readonly PlannedLink[] {
  return Array.from({ length: count }, (_, index) => ({
    podName: `net${index}`,
    address: `10.77.${index}.1/24`,
    route: { destination: `10.99.${index}.0/24`, gateway: `10.77.${index}.254` },
    ...plan(index),
  }));
}

/** Where backends differ. */
export type LinkPlace = Omit<PlannedLink, 'podName' | 'address' | 'route'>;
