import type { AttributeReader } from '../../wire/attribute-reader.ts';
import { formatIpAddress, parseIpAddress } from '../../wire/ip-address.ts';
import type { MessageWriter } from '../../wire/message-writer.ts';
import { RequestInvalidError } from '../../wire/request-invalid-error.ts';
import { readBridgeData, writeBridgeData } from './bridge-codec.ts';
import type { IpvlanData, LinkData, MacvlanData, RawLinkData, VlanData, VxlanData } from './link-data.ts';
import { vlanProtocols } from './vlan-protocols.ts';
import { writeVethPeer } from './veth-codec.ts';

/** `MACVLAN_MODE_*` (linux/if_link.h). */
const macvlanModes = { private: 1, vepa: 2, bridge: 4, passthru: 8, source: 16 } as const;
/** `IPVLAN_MODE_*`. */
const ipvlanModes = { l2: 0, l3: 1, l3s: 2 } as const;
/** `IPVLAN_F_*`. */
const ipvlanIsolations = { bridge: 0, private: 1, vepa: 2 } as const;
const vlan = { id: 1, flags: 2, protocol: 5 } as const;
const vxlan = {
  id: 1,
  group: 2,
  link: 3,
  local: 4,
  ttl: 5,
  learning: 7,
  port: 15,
  group6: 16,
  local6: 17,
} as const;
const vxlanPort = 4789;

/** The kind as the kernel calls it. */
export function kindName(data: LinkData): string {
  return data.kind === 'raw' ? data.type : data.kind;
}

/** Writes the content of `IFLA_INFO_DATA`. */
export function writeLinkData(writer: MessageWriter, data: LinkData): void {
  switch (data.kind) {
    case 'veth':
      if (data.peer !== undefined) writeVethPeer(writer, data.peer);
      return;
    case 'macvlan':
    case 'macvtap':
      if (data.mode !== undefined) writer.uint32(1, macvlanModes[data.mode], 'mode');
      if (data.flags !== undefined) writer.uint16(2, data.flags, 'flags');
      return;
    case 'ipvlan':
    case 'ipvtap':
      if (data.mode !== undefined) writer.uint16(1, ipvlanModes[data.mode], 'mode');
      if (data.isolation !== undefined) writer.uint16(2, ipvlanIsolations[data.isolation], 'isolation');
      return;
    case 'vlan':
      return writeVlan(writer, data);
    case 'bridge':
      return writeBridgeData(writer, data);
    case 'vrf':
      return writer.uint32(1, data.table, 'table');
    case 'vxlan':
      return writeVxlan(writer, data);
    case 'raw':
      return writeRaw(writer, data.attributes ?? '');
    case 'dummy':
    case 'ifb':
      return;
  }
}

/**
 * Reads the content of `IFLA_INFO_DATA`.
 *
 * @param attributes undefined when the kernel sent none
 */
export function readLinkData(kind: string, attributes: AttributeReader | undefined): LinkData {
  switch (kind) {
    case 'veth':
    case 'dummy':
    case 'ifb':
      return { kind };
    case 'macvlan':
    case 'macvtap':
      return readMacvlan(kind, attributes);
    case 'ipvlan':
    case 'ipvtap':
      return readIpvlan(kind, attributes);
    case 'vlan':
      return readVlan(attributes);
    case 'bridge':
      return readBridgeData(attributes);
    case 'vrf':
      return { kind, table: attributes?.next() === true ? attributes.uint32() : 0 };
    case 'vxlan':
      return readVxlan(attributes);
    default:
      return readRaw(kind, attributes?.rest() ?? '');
  }
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function nameOf<T extends Readonly<Record<string, number>>>(names: T, number: number): keyof T | undefined {
  for (const name in names) if (names[name] === number) return name;
  return undefined;
}

function writeVlan(writer: MessageWriter, data: VlanData): void {
  if (!(Number.isInteger(data.id) && data.id >= 0 && data.id <= 4095)) {
    throw new RequestInvalidError('id', data.id, 'a VLAN id from 0 to 4095');
  }
  writer.uint16(vlan.id, data.id, 'id');
  if (data.flags !== undefined) {
    const flags = Buffer.alloc(8);
    flags.writeUInt32LE(data.flags, 0);
    flags.writeUInt32LE(0xffff_ffff, 4);
    writer.bytes(vlan.flags, flags);
  }
  if (data.protocol !== undefined) writer.uint16BE(vlan.protocol, vlanProtocols[data.protocol], 'protocol');
}

function readVlan(attributes: AttributeReader | undefined): VlanData {
  const data: Writable<VlanData> = { kind: 'vlan', id: 0 };
  while (attributes?.next() === true) {
    if (attributes.type === vlan.id) data.id = attributes.uint16();
    else if (attributes.type === vlan.flags) data.flags = attributes.uint32();
    else if (attributes.type === vlan.protocol) {
      const protocol = nameOf(vlanProtocols, attributes.uint16BE());
      if (protocol !== undefined) data.protocol = protocol;
    }
  }
  return data;
}

function readMacvlan(kind: MacvlanData['kind'], attributes: AttributeReader | undefined): MacvlanData {
  const data: Writable<MacvlanData> = { kind };
  while (attributes?.next() === true) {
    if (attributes.type === 1) {
      const mode = nameOf(macvlanModes, attributes.uint32());
      if (mode !== undefined) data.mode = mode;
    } else if (attributes.type === 2) data.flags = attributes.uint16();
  }
  return data;
}

function readIpvlan(kind: IpvlanData['kind'], attributes: AttributeReader | undefined): IpvlanData {
  const data: Writable<IpvlanData> = { kind };
  while (attributes?.next() === true) {
    if (attributes.type === 1) {
      const mode = nameOf(ipvlanModes, attributes.uint16());
      if (mode !== undefined) data.mode = mode;
    } else if (attributes.type === 2) {
      const isolation = nameOf(ipvlanIsolations, attributes.uint16() & 3);
      if (isolation !== undefined) data.isolation = isolation;
    }
  }
  return data;
}

function writeVxlan(writer: MessageWriter, data: VxlanData): void {
  writer.uint32(vxlan.id, data.id, 'id');
  for (const field of ['group', 'local'] as const) {
    const text = data[field];
    if (text === undefined) continue;
    const bytes = parseIpAddress(text, field);
    writer.bytes(bytes.length === 4 ? vxlan[field] : vxlan[`${field}6`], bytes);
  }
  if (data.link !== undefined) writer.uint32(vxlan.link, data.link, 'link');
  writer.uint16BE(vxlan.port, data.port ?? vxlanPort, 'port');
  if (data.ttl !== undefined) writer.uint8(vxlan.ttl, data.ttl, 'ttl');
  if (data.learning !== undefined) writer.uint8(vxlan.learning, Number(data.learning), 'learning');
}

function readVxlan(attributes: AttributeReader | undefined): VxlanData {
  const data: Writable<VxlanData> = { kind: 'vxlan', id: 0 };
  while (attributes?.next() === true) {
    switch (attributes.type) {
      case vxlan.id:
        data.id = attributes.uint32();
        break;
      case vxlan.group:
      case vxlan.group6:
        setAddress(data, 'group', attributes.bytes());
        break;
      case vxlan.local:
      case vxlan.local6:
        setAddress(data, 'local', attributes.bytes());
        break;
      case vxlan.link:
        data.link = attributes.uint32();
        break;
      case vxlan.port:
        data.port = attributes.uint16BE();
        break;
      case vxlan.ttl:
        data.ttl = attributes.uint8();
        break;
      case vxlan.learning:
        data.learning = attributes.uint8() !== 0;
        break;
    }
  }
  return data;
}

function setAddress(data: Writable<VxlanData>, field: 'group' | 'local', bytes: Uint8Array): void {
  const text = formatIpAddress(bytes);
  if (text !== undefined) data[field] = text;
}

function readRaw(type: string, attributes: string): RawLinkData {
  return { kind: 'raw', type, ...(attributes === '' ? {} : { attributes }) };
}

/** Attributes that come as bytes keep their own headers, so they are written as they are. */
function writeRaw(writer: MessageWriter, attributes: string): void {
  if (!/^([0-9a-f]{8})*$/i.test(attributes)) {
    throw new RequestInvalidError('attributes', attributes, 'hexadecimal, a multiple of four bytes');
  }
  writer.raw(Buffer.from(attributes, 'hex'));
}
