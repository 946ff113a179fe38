import type { AttributeReader } from '../../wire/attribute-reader.ts';
import { formatHardwareAddress } from '../../wire/hardware-address.ts';
import type { MessageReader } from '../../wire/message-reader.ts';
import { readBridgePort } from './bridge-port-codec.ts';
import { type Link, type LinkEncapsulation, linkFlags, type OperState } from './link.ts';
import { infoAttributes, linkAttributes as ifla, linkHeaderSize } from './link-attributes.ts';
import { readLinkData } from './link-data-codec.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const operStates: readonly OperState[] = [
  'unknown',
  'notpresent',
  'down',
  'lowerlayerdown',
  'testing',
  'dormant',
  'up',
];

/** `ARPHRD_*` (linux/if_arp.h). */
const encapsulations: Readonly<Record<number, LinkEncapsulation>> = {
  1: 'ether',
  32: 'infiniband',
  280: 'can',
  512: 'ppp',
  519: 'rawip',
  768: 'tunnel',
  769: 'tunnel6',
  772: 'loopback',
  776: 'sit',
  778: 'gre',
  823: 'gre6',
  824: 'netlink',
  65534: 'none',
};

/**
 * Decodes the current `RTM_NEWLINK` or `RTM_DELLINK` message.
 *
 * @throws MalformedMessageError
 */
export function decodeLink(message: MessageReader): Link {
  const attributes = message.attributes(linkHeaderSize);
  const { buffer, start } = message;
  const type = buffer.readUInt16LE(start + 2);
  const flags = buffer.readUInt32LE(start + 8);
  const altnames: string[] = [];
  const link: Writable<Link> = {
    index: buffer.readInt32LE(start + 4),
    name: '',
    altnames,
    mtu: 0,
    flags,
    up: (flags & linkFlags.up) !== 0,
    carrier: (flags & linkFlags.lowerUp) !== 0,
    operState: 'unknown',
    encapsulation: encapsulations[type] ?? `arphrd-${type}`,
  };
  const parentDevice: { bus?: string; name?: string } = {};
  while (attributes.next()) readAttribute(link, altnames, parentDevice, attributes);
  const { bus, name } = parentDevice;
  if (bus !== undefined && name !== undefined) link.parentDevice = { bus, name };
  return link;
}

function readAttribute(
  link: Writable<Link>,
  altnames: string[],
  parentDevice: { bus?: string; name?: string },
  attribute: AttributeReader,
): void {
  switch (attribute.type) {
    case ifla.name:
      link.name = attribute.string();
      return;
    case ifla.mtu:
      link.mtu = attribute.uint32();
      return;
    case ifla.address:
      setHardwareAddress(link, 'address', attribute);
      return;
    case ifla.broadcast:
      setHardwareAddress(link, 'broadcast', attribute);
      return;
    case ifla.permanentAddress:
      setHardwareAddress(link, 'permanentAddress', attribute);
      return;
    case ifla.operState:
      link.operState = operStates[attribute.uint8()] ?? 'unknown';
      return;
    case ifla.carrier:
      link.carrier = attribute.uint8() !== 0;
      return;
    case ifla.link: {
      const parent = attribute.uint32();
      // Tunnels on no link in particular say 0.
      if (parent !== 0) link.parent = parent;
      return;
    }
    case ifla.parentNamespaceId: {
      const id = attribute.int32();
      if (id < 0) return;
      link.parentNamespaceId = id;
      return;
    }
    case ifla.linkInfo:
      readInfo(link, attribute.nested());
      return;
    case ifla.alias:
      link.alias = attribute.string();
      return;
    case ifla.properties: {
      const properties = attribute.nested();
      while (properties.next()) if (properties.type === ifla.altname) altnames.push(properties.string());
      return;
    }
    case ifla.parentDeviceName:
      parentDevice.name = attribute.string();
      return;
    case ifla.parentDeviceBus:
      parentDevice.bus = attribute.string();
      return;
    case ifla.maxMtu: {
      const limit = attribute.uint32();
      if (limit !== 0) link.maxMtu = limit;
      return;
    }
    case ifla.linkMode:
      link.linkMode = attribute.uint8() === 1 ? 'dormant' : 'default';
      return;
    case ifla.protoDown:
      link.protoDown = attribute.uint8() !== 0;
      return;
    case ifla.namespaceImmutable:
      link.namespaceImmutable = attribute.uint8() !== 0;
      return;
    case ifla.physicalPortName:
      link.physicalPortName = attribute.string();
      return;
    case ifla.physicalPortId:
      link.physicalPortId = attribute.hexadecimal();
      return;
    case ifla.physicalSwitchId:
      link.physicalSwitchId = attribute.hexadecimal();
      return;
    default: {
      const name = numberByAttribute[attribute.type];
      if (name !== undefined) link[name] = attribute.uint32();
    }
  }
}

type NumberName = {
  [K in keyof Required<Link>]: Required<Link>[K] extends number ? K : never;
}[keyof Link];

const numberByAttribute: Readonly<Record<number, NumberName>> = {
  [ifla.master]: 'master',
  [ifla.txQueueLength]: 'txQueueLength',
  [ifla.vfCount]: 'vfCount',
  [ifla.group]: 'group',
  [ifla.promiscuity]: 'promiscuity',
  [ifla.txQueues]: 'txQueues',
  [ifla.rxQueues]: 'rxQueues',
  [ifla.carrierChanges]: 'carrierChanges',
  [ifla.gsoMaxSegments]: 'gsoMaxSegments',
  [ifla.gsoMaxSize]: 'gsoMaxSize',
  [ifla.minMtu]: 'minMtu',
  [ifla.groMaxSize]: 'groMaxSize',
  [ifla.tsoMaxSize]: 'tsoMaxSize',
  [ifla.tsoMaxSegments]: 'tsoMaxSegments',
  [ifla.allMulticast]: 'allMulticast',
  [ifla.gsoIpv4MaxSize]: 'gsoIpv4MaxSize',
  [ifla.groIpv4MaxSize]: 'groIpv4MaxSize',
};

function setHardwareAddress(
  link: Writable<Link>,
  field: 'address' | 'broadcast' | 'permanentAddress',
  attribute: AttributeReader,
): void {
  const text = formatHardwareAddress(attribute.bytes());
  if (text !== undefined) link[field] = text;
}

function readInfo(link: Writable<Link>, info: AttributeReader): void {
  let data: AttributeReader | undefined;
  while (info.next()) {
    switch (info.type) {
      case infoAttributes.kind:
        link.kind = info.string();
        break;
      case infoAttributes.data:
        data = info.nested();
        break;
      case infoAttributes.slaveKind:
        link.slaveKind = info.string();
        break;
      case infoAttributes.slaveData:
        if (link.slaveKind === 'bridge') link.bridgePort = readBridgePort(info.nested());
        break;
    }
  }
  if (link.kind !== undefined) link.data = readLinkData(link.kind, data);
}
