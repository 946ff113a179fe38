import { addressText, isUnicast, networkOf } from '../wire/ip.ts';
import { MalformedDhcpMessageError } from '../wire/malformed-dhcp-message-error.ts';
import { type Dhcpv4Message, dhcpv4Options as option } from './dhcpv4-message.ts';

/** Whom the server takes the client for, and what the client asks for. Plain JSON. */
export type Dhcpv4Identity = {
  /** `chaddr`: of the interface that is to have the address. */
  readonly hardwareAddress: string;
  /** Option 61 as text, sent with type 0; without it the hardware address is sent with type 1. */
  readonly clientId?: string | undefined;
  /** Option 12. */
  readonly hostName?: string | undefined;
};

/** A route that a server gives; without a gateway the destination is on the link. */
export type LeasedRoute = { readonly destination: string; readonly gateway?: string };

/** An address that a DHCPv4 server has lent. Plain JSON. */
export type Dhcpv4Lease = {
  readonly family: 4;
  /** `address/length`. */
  readonly address: string;
  readonly identity: Dhcpv4Identity;
  /** The server's identifier, an address. */
  readonly server: string;
  /** Where its packets came from: its own hardware address, or that of the router before it. */
  readonly serverHardwareAddress: string;
  /** Milliseconds of the machine's monotonic clock, {@link monotonicNow}. */
  readonly obtainedAt: number;
  /** Seconds from {@link obtainedAt}; the three are absent when the lease does not end. */
  readonly renewAfter?: number;
  readonly rebindAfter?: number;
  readonly validFor?: number;
  /** Option 3. */
  readonly routers: readonly string[];
  /** Option 121; when a server gives it, its routers do not count (RFC 3442). */
  readonly routes?: readonly LeasedRoute[];
  /** Bytes, option 26. */
  readonly mtu?: number;
  readonly dnsServers: readonly string[];
  readonly domainName?: string;
};

const forever = 0xffff_ffff;

/** Milliseconds since the machine started; the same in every process until it starts anew, and never set. */
export function monotonicNow(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

/**
 * Reads the lease from a server's ACK.
 *
 * @throws MalformedDhcpMessageError when the message gives no usable address, time or server
 */
export function dhcpv4LeaseFrom(
  message: Dhcpv4Message,
  identity: Dhcpv4Identity,
  serverHardwareAddress: string,
  obtainedAt: number,
): Dhcpv4Lease {
  const { options, yourAddress } = message;
  const server = address(options.get(option.serverIdentifier));
  const validFor = seconds(options.get(option.leaseTime));
  if (yourAddress === undefined || !isUnicast(yourAddress) || server === undefined || !validFor) {
    throw new MalformedDhcpMessageError('an ACK without address, server or lease time');
  }
  const routes = classlessRoutes(options.get(option.classlessRoutes));
  const mtu = options.get(option.mtu);
  const domainName = options.get(option.domainName)?.toString('latin1').replaceAll('\0', '');
  return {
    family: 4,
    address: `${yourAddress}/${maskLength(options.get(option.subnetMask))}`,
    identity,
    server,
    serverHardwareAddress,
    obtainedAt,
    ...(validFor === forever ? {} : leaseTimes(options, validFor)),
    routers: addresses(options.get(option.router)),
    ...(routes === undefined ? {} : { routes }),
    ...(mtu?.length === 2 ? { mtu: mtu.readUInt16BE(0) } : {}),
    dnsServers: addresses(options.get(option.dnsServers)),
    ...(domainName === undefined ? {} : { domainName }),
  };
}

/** T1 and T2 as the server says, else half and seven eighths of the lease (RFC 2131, section 4.4.5). */
function leaseTimes(
  options: ReadonlyMap<number, Buffer>,
  validFor: number,
): { readonly renewAfter: number; readonly rebindAfter: number; readonly validFor: number } {
  const rebind = seconds(options.get(option.rebindingTime));
  const rebindAfter = rebind !== undefined && rebind < validFor ? rebind : validFor * 0.875;
  const renew = seconds(options.get(option.renewalTime));
  const renewAfter =
    renew !== undefined && renew < rebindAfter ? renew : Math.min(validFor * 0.5, rebindAfter);
  return { renewAfter, rebindAfter, validFor };
}

/** Pairs of a network, written as short as its prefix lets it be, and a router (RFC 3442). */
function classlessRoutes(bytes: Buffer | undefined): LeasedRoute[] | undefined {
  if (bytes === undefined) return undefined;
  const routes: LeasedRoute[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const length = bytes.readUInt8(offset++);
    const significant = Math.ceil(length / 8);
    if (length > 32 || offset + significant + 4 > bytes.length) {
      throw new MalformedDhcpMessageError('classless routes are cut off');
    }
    const network = Buffer.alloc(4);
    network.set(bytes.subarray(offset, offset + significant));
    offset += significant;
    const gateway = addressText(bytes.subarray(offset, offset + 4));
    offset += 4;
    routes.push({
      destination: networkOf(addressText(network), length),
      ...(gateway === '0.0.0.0' ? {} : { gateway }),
    });
  }
  return routes;
}

/** The network's prefix length; 32 when the server does not say, which claims nothing about the link. */
function maskLength(mask: Buffer | undefined): number {
  if (mask?.length !== 4) return 32;
  const bits = mask.readUInt32BE(0);
  return Math.clz32(~bits >>> 0);
}

function address(value: Buffer | undefined): string | undefined {
  return value?.length === 4 ? addressText(value) : undefined;
}

function addresses(value: Buffer = Buffer.alloc(0)): string[] {
  return Array.from({ length: Math.floor(value.length / 4) }, (_, index) =>
    addressText(value.subarray(index * 4, index * 4 + 4)),
  );
}

function seconds(value: Buffer | undefined): number | undefined {
  return value?.length === 4 ? value.readUInt32BE(0) : undefined;
}
