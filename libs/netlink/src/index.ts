/**
 * Linux networking from Node.js without spawning anything: links, addresses, routes, rules and neighbours by rtnetlink, network namespaces,
 * and live events.
 *
 * @packageDocumentation
 */
export { NamespacePrograms, type TcxDirection, type TcxProgram } from './bpf/namespace-programs.ts';
export { EthtoolSocket, type EthtoolSocketOptions, type Switches } from './ethtool/ethtool-socket.ts';
export { type LinkFeature, type LinkFeatures } from './ethtool/link-feature.ts';
export { type ChangeScope, isCrossingPair, widestRoutePrefix } from './monitor/change-filter.ts';
export { ChangeMonitor, type ChangeMonitorOptions } from './monitor/change-monitor.ts';
export { type NamespaceLinkEvent } from './monitor/namespace-link-event.ts';
export { NamespaceLinkMonitor, type NamespaceLinkMonitorOptions } from './monitor/namespace-link-monitor.ts';
export { type ChangeGroup, type LinkEvent, type RouteEvent, type RouteGroup } from './monitor/route-event.ts';
export { RouteMonitor, type RouteMonitorOptions } from './monitor/route-monitor.ts';
export { type Uevent } from './monitor/uevent.ts';
export { UeventMonitor, type UeventMonitorOptions } from './monitor/uevent-monitor.ts';
export { NamespaceGoneError } from './namespace/namespace-gone-error.ts';
export { namespaceIdentity, type NamespaceIdentity } from './namespace/namespace-identity.ts';
export { NetworkNamespace } from './namespace/network-namespace.ts';
export {
  type Address,
  type AddressFilter,
  addressFlags,
  type AddressSpec,
  type RouteScope,
} from './route/address/address.ts';
export { addressAdd, addressDelete, addressReplace } from './route/address/address-requests.ts';
export { type BridgePort } from './route/link/bridge-port.ts';
export { type Ipv4Configuration } from './route/link/ipv4-configuration.ts';
export {
  type Link,
  type LinkEncapsulation,
  linkFlags,
  type LinkSelector,
  type OperState,
  type XdpMode,
} from './route/link/link.ts';
export { type LinkChanges } from './route/link/link-changes.ts';
export { linkAdd } from './route/link/link-create.ts';
export type {
  BridgeData,
  DummyData,
  IfbData,
  IpvlanData,
  LinkData,
  MacvlanData,
  MacvlanMode,
  RawLinkData,
  VethData,
  VethPeer,
  VlanData,
  VrfData,
  VxlanData,
} from './route/link/link-data.ts';
export { linkAddAltname, linkDelete, linkDeleteAltname, linkSet } from './route/link/link-requests.ts';
export { type LinkSpec } from './route/link/link-spec.ts';
export { type CreatedLink, LinkTemplate, type TemplateLinkSpec } from './route/link/link-template.ts';
export {
  type Neighbour,
  type NeighbourFilter,
  neighbourFlags,
  type NeighbourSpec,
  neighbourStates,
} from './route/neighbour/neighbour.ts';
export { neighbourAdd, neighbourDelete, neighbourReplace } from './route/neighbour/neighbour-requests.ts';
export {
  type NexthopGroupMember,
  type NexthopObject,
  type ResilientGroup,
} from './route/nexthop-object/nexthop-object.ts';
export {
  nexthopObjectAdd,
  nexthopObjectDelete,
  nexthopObjectReplace,
} from './route/nexthop-object/nexthop-object-requests.ts';
export { type RouteRequest } from './route/route-request.ts';
export { RouteSocket, type RouteSocketOptions } from './route/route-socket.ts';
export {
  type Nexthop,
  type Route,
  type RouteEncapsulation,
  type RouteFilter,
  routeFlags,
  type RouteMetrics,
  routeProtocols,
  type RouteSpec,
  routeTables,
  type RouteType,
} from './route/route/route.ts';
export {
  routeAdd,
  routeAppend,
  routeDelete,
  routePrepend,
  routeReplace,
} from './route/route/route-requests.ts';
export { type Rule, type RuleAction, type RuleFilter, type RuleSpec } from './route/rule/rule.ts';
export { ruleAdd, ruleDelete } from './route/rule/rule-requests.ts';
export { NetlinkError } from './socket/netlink-error.ts';
export { RequestTemplate } from './socket/request-template.ts';
export { useForeignLibraries } from './system/foreign-libraries.ts';
export { NamespaceSysctls, type SysctlChange, SysctlError } from './system/namespace-sysctls.ts';
export { SystemCallError } from './system/system-error.ts';
export { type Filter, type FilterParent } from './tc/filter.ts';
export { filterDelete } from './tc/filter-requests.ts';
export { type AddressFamily } from './wire/ip-address.ts';
export { MalformedMessageError } from './wire/malformed-message-error.ts';
export { type ReferencedNamespace } from './wire/message-writer.ts';
export { RequestInvalidError } from './wire/request-invalid-error.ts';
