/**
 * The core of the Patchbay network driver: the backend contract, the live inventory, attachments with their journal, the interface
 * parameters and the claim status. It knows no backend by name.
 *
 * @packageDocumentation
 */
export { AddressGrants } from './addresses/address-grants.ts';
export { addressRangesSchema, type AddressRangeConfig } from './addresses/address-range-config.ts';
export { AddressRanges } from './addresses/address-ranges.ts';
export { BorrowedLinks } from './addresses/borrowed-links.ts';
export { ClaimAddresses } from './addresses/claim-addresses.ts';
export { leaseEvents } from './addresses/lease-events.ts';
export { LeaseKeeper } from './addresses/lease-keeper.ts';
export { LeaseLinks } from './addresses/lease-links.ts';
export { type LeaseClient, Leases, noLeases } from './addresses/leases.ts';
export type { AttachedClaimDevice, AttachmentObserver } from './attachments/attachment-observer.ts';
export { ClaimAttacher } from './attachments/claim-attacher.ts';
export { ClaimJournal } from './attachments/claim-journal.ts';
export { ClaimLedger } from './attachments/claim-ledger.ts';
export { type ClaimCdiSpecs, ClaimPreparer } from './attachments/claim-preparer.ts';
export type { AttachmentRecord, ClaimRecord, DeviceRecord } from './attachments/claim-record.ts';
export { ContainerGate } from './attachments/container-gate.ts';
export { ClaimLocks } from './attachments/claim-locks.ts';
export { InstanceTurn } from './attachments/instance-turn.ts';
export { soleInstance, type StateLocks } from './attachments/state-locks.ts';
export { type KnownLinks, type LeftoverSource, NodeInspector } from './attachments/repair/node-inspector.ts';
export type { AttachmentState, ClaimState, NodeState } from './attachments/repair/node-state.ts';
export { planRepair, type RepairAction } from './attachments/repair/repair-plan.ts';
export { Repairer, type RepairOccasion, type RepairOutcome } from './attachments/repair/repairer.ts';
export { RuntimePods } from './attachments/repair/runtime-pods.ts';
export { stateLeftovers } from './attachments/repair/state-leftovers.ts';
export { runtimeHooks } from './attachments/runtime-hooks.ts';
export type {
  AccountedFor,
  AttachedDevice,
  AttachStrategy,
  Backend,
  BackendModule,
  DeviceDiscovery,
  DevicePlace,
  DeviceRequest,
  HostLeftover,
  PodSandbox,
  SandboxOfDevice,
} from './backend/backend.ts';
export { BACKEND, BackendContainer, createToken, type Token } from './backend/backend-container.ts';
export { BackendRegistry, type BackendSelection, type EnabledBackend } from './backend/backend-registry.ts';
export { attributeDomain, attributeName, type Device } from './backend/device.ts';
export type { JsonObject, JsonValue } from './backend/json.ts';
export {
  CREATED_LINKS,
  DRIVER_NAME,
  driverNameOf,
  HOST_LINKS,
  HOST_ROUTES,
  leaseClient,
  LEASES,
  LOGGER,
  MOVED_LINKS,
  NAMESPACE_PINS,
} from './backend/driver-services.ts';
export * from './errors/driver-errors.ts';
export { announceAddresses } from './interfaces/announce-addresses.ts';
export { namespaceAccess, type NamespaceAccess } from './interfaces/apply/namespace-access.ts';
export { apiVersion } from './interfaces/interface-config.ts';
export { InterfaceConfigurator } from './interfaces/interface-configurator.ts';
export { inheritedSetup } from './interfaces/inherited-setup.ts';
export { interfaceNameFor } from './interfaces/interface-name.ts';
export { InterfaceParameters } from './interfaces/interface-parameters.ts';
export { addressRange, networkContains, parseIpPrefix } from './interfaces/ip.ts';
export { sharingObstacle } from './interfaces/sharing-obstacle.ts';
export type { InterfaceSetup, RouteSetup } from './interfaces/interface-setup.ts';
export { zodIssues } from './interfaces/zod-issues.ts';
export { deviceName, pciDeviceName } from './inventory/device-name.ts';
export { deviceHealth } from './inventory/device-health.ts';
export { type CarrierTaint, devicePools, poolName } from './inventory/device-pools.ts';
export { heldDevices } from './inventory/held-devices.ts';
export {
  bandwidth,
  linkAttributes,
  linkCarrier,
  type LinkSurroundings,
} from './inventory/link-attributes.ts';
export { type LinkHardware, SysfsLinks } from './inventory/sysfs-links.ts';
export {
  type BackendDevices,
  Inventory,
  type InventoryDevice,
  type StateInPod,
} from './inventory/inventory.ts';
export { type LinkPattern, linkPatternSchema, matchesLinkPattern } from './inventory/link-pattern.ts';
export { linksUnder } from './inventory/node-wiring.ts';
export type { Sharing } from './inventory/shared-devices.ts';
export { hardwareAddressFor, linkSeed } from './links/hardware-address.ts';
export { HostLinks, type HostState } from './inventory/host-links.ts';
export { type HostLinkAccess, hostLinkAccess } from './links/link-snapshot/host-link-access.ts';
export type { LinkSnapshot } from './links/link-snapshot/link-snapshot.ts';
export type { PodLinkPlace } from './links/followed-links.ts';
export type { PodLinkState } from './links/pod-link-state.ts';
export { type PodLinkListener, PodLinkWatch } from './links/pod-link-watch.ts';
export { LinkPlaces } from './links/link-places.ts';
export { openUnlessGone } from './links/open-unless-gone.ts';
export { NamespacePins } from './links/namespace-pins.ts';
export { StrayPins } from './links/stray-pins.ts';
export { CreatedLinks } from './links/created-links.ts';
export { DevicePlans } from './links/device-plans.ts';
export { MovedLinks } from './links/moved-links.ts';
export {
  type HostEnd,
  type PodLinkPlan,
  planPodLink,
  planPodMove,
  planPodPair,
  type PodLinkSpec,
  type PodPairSpec,
} from './links/pod-link-plan.ts';
export { type Logger, silentLogger } from './logging/logger.ts';
export { AttachmentReporter } from './status/attachment-reporter.ts';
export { type DeviceLinkChange, DeviceLinks } from './status/device-links.ts';
export { PodEvents } from './status/pod-events.ts';
