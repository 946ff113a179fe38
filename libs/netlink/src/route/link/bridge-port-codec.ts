import type { AttributeReader } from '../../wire/attribute-reader.ts';
import type { MessageWriter } from '../../wire/message-writer.ts';
import type { BridgePort } from './bridge-port.ts';

type Switch = {
  [K in keyof Required<BridgePort>]: Required<BridgePort>[K] extends boolean ? K : never;
}[keyof BridgePort];

/** `IFLA_BRPORT_*` (linux/if_link.h) that are numbers. */
const state = 1;
const priority = 2;
const cost = 3;

/** `IFLA_BRPORT_*` that are switches of one byte. */
const switches: Readonly<Record<Switch, number>> = {
  hairpin: 4,
  guard: 5,
  fastLeave: 7,
  learning: 8,
  unicastFlood: 9,
  proxyArp: 10,
  multicastFlood: 27,
  broadcastFlood: 30,
  neighbourSuppression: 32,
  isolated: 33,
};
const switchNames = Object.keys(switches) as Switch[];
const switchByNumber = new Map(switchNames.map((name) => [switches[name], name]));

/** Writes the content of `IFLA_INFO_SLAVE_DATA`. */
export function writeBridgePort(writer: MessageWriter, port: BridgePort): void {
  if (port.state !== undefined) writer.uint8(state, port.state, 'bridgePort.state');
  if (port.priority !== undefined) writer.uint16(priority, port.priority, 'bridgePort.priority');
  if (port.cost !== undefined) writer.uint32(cost, port.cost, 'bridgePort.cost');
  for (const name of switchNames) {
    const on = port[name];
    if (on !== undefined) writer.uint8(switches[name], Number(on), `bridgePort.${name}`);
  }
}

/** Reads the content of `IFLA_INFO_SLAVE_DATA`. */
export function readBridgePort(attributes: AttributeReader): BridgePort {
  const port: { -readonly [K in keyof BridgePort]: BridgePort[K] } = {};
  while (attributes.next()) {
    const name = switchByNumber.get(attributes.type);
    if (name !== undefined) port[name] = attributes.uint8() !== 0;
    else if (attributes.type === state) port.state = attributes.uint8();
    else if (attributes.type === priority) port.priority = attributes.uint16();
    else if (attributes.type === cost) port.cost = attributes.uint32();
  }
  return port;
}
