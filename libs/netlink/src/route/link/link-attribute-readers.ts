import type { AttributeReader } from '../../wire/attribute-reader.ts';
import { formatHardwareAddress } from '../../wire/hardware-address.ts';
import { readBridgePort } from './bridge-port-codec.ts';
import type { Link, OperState } from './link.ts';
import { infoAttributes, linkAttributes as ifla, xdpAttributes } from './link-attributes.ts';
import { readLinkData } from './link-data-codec.ts';

/** A link while it is being read. */
export type PartialLink = { -readonly [K in keyof Link]: Link[K] } & {
  readonly altnames: string[];
  parentDeviceBus?: string;
  parentDeviceName?: string;
};

const operStates: readonly OperState[] = [
  'unknown',
  'notpresent',
  'down',
  'lowerlayerdown',
  'testing',
  'dormant',
  'up',
];

/** How each attribute gets into a link, by number: a table, because a dump reads forty of them for each of a thousand links. */
export const linkAttributeReaders: readonly (
  ((link: PartialLink, attribute: AttributeReader) => void) | undefined
)[] = table({
  [ifla.name]: (link, attribute) => (link.name = attribute.string()),
  [ifla.mtu]: (link, attribute) => (link.mtu = attribute.uint32()),
  [ifla.address]: (link, attribute) => readHardwareAddress(link, 'address', attribute),
  [ifla.broadcast]: (link, attribute) => readHardwareAddress(link, 'broadcast', attribute),
  [ifla.permanentAddress]: (link, attribute) => readHardwareAddress(link, 'permanentAddress', attribute),
  [ifla.operState]: (link, attribute) => (link.operState = operStates[attribute.uint8()] ?? 'unknown'),
  [ifla.carrier]: (link, attribute) => (link.carrier = attribute.uint8() !== 0),
  [ifla.alias]: (link, attribute) => (link.alias = attribute.string()),
  [ifla.linkMode]: (link, attribute) => (link.linkMode = attribute.uint8() === 1 ? 'dormant' : 'default'),
  [ifla.protoDown]: (link, attribute) => (link.protoDown = attribute.uint8() !== 0),
  [ifla.namespaceImmutable]: (link, attribute) => (link.namespaceImmutable = attribute.uint8() !== 0),
  [ifla.physicalPortName]: (link, attribute) => (link.physicalPortName = attribute.string()),
  [ifla.physicalPortId]: (link, attribute) => (link.physicalPortId = attribute.hexadecimal()),
  [ifla.physicalSwitchId]: (link, attribute) => (link.physicalSwitchId = attribute.hexadecimal()),
  [ifla.parentDeviceName]: (link, attribute) => (link.parentDeviceName = attribute.string()),
  [ifla.parentDeviceBus]: (link, attribute) => (link.parentDeviceBus = attribute.string()),
  [ifla.master]: (link, attribute) => (link.master = attribute.uint32()),
  [ifla.txQueueLength]: (link, attribute) => (link.txQueueLength = attribute.uint32()),
  [ifla.vfCount]: (link, attribute) => (link.vfCount = attribute.uint32()),
  [ifla.group]: (link, attribute) => (link.group = attribute.uint32()),
  [ifla.promiscuity]: (link, attribute) => (link.promiscuity = attribute.uint32()),
  [ifla.allMulticast]: (link, attribute) => (link.allMulticast = attribute.uint32()),
  [ifla.txQueues]: (link, attribute) => (link.txQueues = attribute.uint32()),
  [ifla.rxQueues]: (link, attribute) => (link.rxQueues = attribute.uint32()),
  [ifla.carrierChanges]: (link, attribute) => (link.carrierChanges = attribute.uint32()),
  [ifla.gsoMaxSegments]: (link, attribute) => (link.gsoMaxSegments = attribute.uint32()),
  [ifla.gsoMaxSize]: (link, attribute) => (link.gsoMaxSize = attribute.uint32()),
  [ifla.xdp]: readXdp,
  [ifla.groMaxSize]: (link, attribute) => (link.groMaxSize = attribute.uint32()),
  [ifla.gsoIpv4MaxSize]: (link, attribute) => (link.gsoIpv4MaxSize = attribute.uint32()),
  [ifla.groIpv4MaxSize]: (link, attribute) => (link.groIpv4MaxSize = attribute.uint32()),
  [ifla.tsoMaxSize]: (link, attribute) => (link.tsoMaxSize = attribute.uint32()),
  [ifla.tsoMaxSegments]: (link, attribute) => (link.tsoMaxSegments = attribute.uint32()),
  [ifla.minMtu]: (link, attribute) => (link.minMtu = attribute.uint32()),
  [ifla.maxMtu]: readMaxMtu,
  [ifla.link]: readParent,
  [ifla.parentNamespaceId]: readParentNamespace,
  [ifla.linkInfo]: readInfo,
  [ifla.properties]: readProperties,
});

function table(
  readers: Readonly<Record<number, (link: PartialLink, attribute: AttributeReader) => unknown>>,
): typeof linkAttributeReaders {
  const largest = Math.max(...Object.keys(readers).map(Number));
  return Array.from({ length: largest + 1 }, (_, type) => readers[type]);
}

function readHardwareAddress(
  link: PartialLink,
  field: 'address' | 'broadcast' | 'permanentAddress',
  attribute: AttributeReader,
): void {
  const text = formatHardwareAddress(attribute.bytes());
  if (text !== undefined) link[field] = text;
}

/** 0 is "no limit". */
function readMaxMtu(link: PartialLink, attribute: AttributeReader): void {
  const limit = attribute.uint32();
  if (limit !== 0) link.maxMtu = limit;
}

/** Tunnels on no link in particular say 0. */
function readParent(link: PartialLink, attribute: AttributeReader): void {
  const parent = attribute.uint32();
  if (parent !== 0) link.parent = parent;
}

/** A negative number is "none assigned". */
function readParentNamespace(link: PartialLink, attribute: AttributeReader): void {
  const id = attribute.int32();
  if (id >= 0) link.parentNamespaceId = id;
}

function readProperties(link: PartialLink, attribute: AttributeReader): void {
  const properties = attribute.nested();
  while (properties.next()) {
    if (properties.type === ifla.altname) link.altnames.push(properties.string());
  }
}

/** Every link has the attribute; without programs it names none. */
function readXdp(link: PartialLink, attribute: AttributeReader): void {
  const attributes = attribute.nested();
  while (attributes.next()) {
    switch (attributes.type) {
      case xdpAttributes.driver:
        link.xdp = { ...link.xdp, driver: attributes.uint32() };
        break;
      case xdpAttributes.generic:
        link.xdp = { ...link.xdp, generic: attributes.uint32() };
        break;
      case xdpAttributes.hardware:
        link.xdp = { ...link.xdp, hardware: attributes.uint32() };
        break;
    }
  }
}

function readInfo(link: PartialLink, attribute: AttributeReader): void {
  const info = attribute.nested();
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
