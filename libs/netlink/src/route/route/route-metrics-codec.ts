import type { AttributeReader } from '../../wire/attribute-reader.ts';
import type { MessageWriter } from '../../wire/message-writer.ts';
import type { Route, RouteEncapsulation, RouteMetrics, RouteSpec } from './route.ts';
import {
  congestionControlAttribute,
  congestionControlLimit,
  metricAttributes,
  routeAttributes as rta,
  routeMetricAttributes,
} from './route-attributes.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type NumericMetric = keyof typeof routeMetricAttributes;

const metricNames = Object.keys(routeMetricAttributes) as NumericMetric[];
const metricByNumber = new Map(metricNames.map((name) => [routeMetricAttributes[name], name]));

/** Reads the content of `RTA_METRICS`. */
export function readMetrics(route: Writable<Route>, attributes: AttributeReader): void {
  const metrics: Writable<RouteMetrics> = {};
  while (attributes.next()) {
    const name = metricByNumber.get(attributes.type);
    if (name !== undefined) metrics[name] = attributes.uint32();
    else if (attributes.type === metricAttributes.mtu) route.mtu = attributes.uint32();
    else if (attributes.type === metricAttributes.advertisedMss) route.advertisedMss = attributes.uint32();
    else if (attributes.type === congestionControlAttribute) metrics.congestionControl = attributes.string();
  }
  if (Object.keys(metrics).length > 0) route.metrics = metrics;
}

/** Writes `RTA_METRICS` if the route has any. */
export function writeMetrics(writer: MessageWriter, { mtu, advertisedMss, metrics }: RouteSpec): void {
  if (mtu === undefined && advertisedMss === undefined && metrics === undefined) return;
  const list = writer.beginNest(rta.metrics);
  if (mtu !== undefined) writer.uint32(metricAttributes.mtu, mtu, 'mtu');
  if (advertisedMss !== undefined) {
    writer.uint32(metricAttributes.advertisedMss, advertisedMss, 'advertisedMss');
  }
  for (const name of metricNames) {
    const value = metrics?.[name];
    if (value !== undefined) writer.uint32(routeMetricAttributes[name], value, `metrics.${name}`);
  }
  if (metrics?.congestionControl !== undefined) {
    writer.string(
      congestionControlAttribute,
      metrics.congestionControl,
      congestionControlLimit,
      'metrics.congestionControl',
    );
  }
  writer.endNest(list);
}

/** Makes one member of a tunnel's two attributes. */
export function encapsulation<T extends { encapType?: number; encapAttributes?: string }>(
  read: T,
): Omit<T, 'encapType' | 'encapAttributes'> & { encap?: RouteEncapsulation } {
  if (read.encapType === undefined) return read;
  const { encapType: type, encapAttributes: attributes = '', ...rest } = read;
  return { ...rest, encap: { type, attributes } };
}

/** Writes a tunnel under the numbers that routes, or next-hop objects, have for it. */
export function writeEncapsulation(
  writer: MessageWriter,
  { type, attributes }: RouteEncapsulation,
  numbers: { readonly encapType: number; readonly encap: number } = rta,
): void {
  writer.uint16(numbers.encapType, type, 'encap.type');
  const nest = writer.beginNest(numbers.encap);
  writer.raw(Buffer.from(attributes, 'hex'));
  writer.endNest(nest);
}
