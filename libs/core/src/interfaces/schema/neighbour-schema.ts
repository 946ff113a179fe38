import * as z from 'zod';
import { addressRange } from '../ip.ts';
import { hardwareAddress, ipAddress } from './address-schemas.ts';

/** A neighbour that the pod knows without asking the network, as the parameters give it, canonical. */
export const neighbour = z.strictObject({
  address: ipAddress
    .superRefine((address, context) => {
      const range = addressRange(address);
      if (['unspecified', 'multicast', 'broadcast', 'loopback'].includes(range)) {
        context.addIssue(`'${address}' is a ${range} address; a neighbour has a unicast address`);
      }
    })
    .describe("The neighbour's IP address"),
  hardwareAddress: hardwareAddress.describe("The neighbour's MAC address"),
});

/** One neighbour as the parameters give it. */
export type NeighbourConfig = z.output<typeof neighbour>;
