import type { AttributeReader } from '../../wire/attribute-reader.ts';
import type { MessageWriter } from '../../wire/message-writer.ts';
import type { BridgeData } from './link-data.ts';
import { vlanProtocols } from './vlan-protocols.ts';

/** `IFLA_BR_*` (linux/if_link.h). */
const bridge = {
  forwardDelay: 1,
  ageingTime: 4,
  stp: 5,
  vlanFiltering: 7,
  vlanProtocol: 8,
  groupForwardMask: 9,
  multicastSnooping: 23,
  vlanDefaultPvid: 39,
} as const;

/** The kernel counts these times in `USER_HZ`, which is 100 on every architecture that we run on. */
const userHz = 100;

/** Writes a bridge's settings into `IFLA_INFO_DATA`. */
export function writeBridgeData(writer: MessageWriter, data: BridgeData): void {
  const { forwardDelay, ageingTime, stp, vlanFiltering, vlanProtocol, groupForwardMask, multicastSnooping } =
    data;
  if (forwardDelay !== undefined)
    writer.uint32(bridge.forwardDelay, Math.round(forwardDelay * userHz), 'forwardDelay');
  if (ageingTime !== undefined)
    writer.uint32(bridge.ageingTime, Math.round(ageingTime * userHz), 'ageingTime');
  if (stp !== undefined) writer.uint32(bridge.stp, Number(stp), 'stp');
  if (vlanFiltering !== undefined) writer.uint8(bridge.vlanFiltering, Number(vlanFiltering), 'vlanFiltering');
  if (vlanProtocol !== undefined)
    writer.uint16BE(bridge.vlanProtocol, vlanProtocols[vlanProtocol], 'vlanProtocol');
  if (groupForwardMask !== undefined)
    writer.uint16(bridge.groupForwardMask, groupForwardMask, 'groupForwardMask');
  if (multicastSnooping !== undefined) {
    writer.uint8(bridge.multicastSnooping, Number(multicastSnooping), 'multicastSnooping');
  }
  if (data.vlanDefaultPvid !== undefined) {
    writer.uint16(bridge.vlanDefaultPvid, data.vlanDefaultPvid, 'vlanDefaultPvid');
  }
}

/** Reads a bridge's settings from `IFLA_INFO_DATA`. */
export function readBridgeData(attributes: AttributeReader | undefined): BridgeData {
  const data: { -readonly [K in keyof BridgeData]: BridgeData[K] } = { kind: 'bridge' };
  while (attributes?.next() === true) {
    switch (attributes.type) {
      case bridge.forwardDelay:
        data.forwardDelay = attributes.uint32() / userHz;
        break;
      case bridge.ageingTime:
        data.ageingTime = attributes.uint32() / userHz;
        break;
      case bridge.stp:
        data.stp = attributes.uint32() !== 0;
        break;
      case bridge.vlanFiltering:
        data.vlanFiltering = attributes.uint8() !== 0;
        break;
      case bridge.vlanProtocol:
        data.vlanProtocol = attributes.uint16BE() === vlanProtocols['802.1ad'] ? '802.1ad' : '802.1Q';
        break;
      case bridge.groupForwardMask:
        data.groupForwardMask = attributes.uint16();
        break;
      case bridge.multicastSnooping:
        data.multicastSnooping = attributes.uint8() !== 0;
        break;
      case bridge.vlanDefaultPvid:
        data.vlanDefaultPvid = attributes.uint16();
        break;
    }
  }
  return data;
}
