import type { Ipv4Configuration, SysctlChange } from '@patchbay/netlink';
import type { InterfaceSetup } from '../interface-setup.ts';
import { isIpv6 } from '../schema/address-schemas.ts';
import { slaacSysctls } from '../schema/address-sources-schema.ts';

/** The settings that ride on a message to rtnetlink: those of IPv4. */
export function ipv4Settings(setup: InterfaceSetup): Ipv4Configuration | undefined {
  const { addresses, sysctls } = setup;
  // The kernel announces the addresses when the link comes up, so that neighbours forget whoever had them before.
  const announces = addresses.some((address) => !isIpv6(address));
  if (sysctls === undefined) return announces ? announcing : undefined;
  const settings: { -readonly [K in keyof Ipv4Configuration]: number } = {};
  if (announces) settings.arpNotify = 1;
  for (const [name, value] of Object.entries(sysctls)) {
    if (name.startsWith(ipv4Prefix)) settings[ipv4Name(name.slice(ipv4Prefix.length))] = value;
  }
  return Object.keys(settings).length > 0 ? settings : undefined;
}

/** The settings that must be written to files, in the order in which they are written. */
export function fileSettings(setup: InterfaceSetup): SysctlChange[] {
  const { sysctls, slaac, forwarding, addresses, name: linkName } = setup;
  const hasIpv6 = addresses.some(isIpv6);
  // The hook asks for most links in vain.
  if (sysctls === undefined && forwarding === undefined && slaac !== true && !hasIpv6) return [];
  const values: Record<string, number> = { ...(slaac === true ? slaacSysctls : {}), ...sysctls };
  if (hasIpv6) values['net.ipv6.conf.IFNAME.ndisc_notify'] ??= 1;
  if (forwarding?.ipv4 !== undefined) values['net.ipv4.conf.IFNAME.forwarding'] = Number(forwarding.ipv4);
  if (forwarding?.ipv6 !== undefined) {
    values['net.ipv6.conf.IFNAME.forwarding'] = Number(forwarding.ipv6);
    // The former makes a router of the pod for its neighbours; only this one forwards without all other links of the pod doing so.
    if (forwarding.ipv6) values['net.ipv6.conf.IFNAME.force_forwarding'] = 1;
  }
  return Object.entries(values)
    .filter(([name]) => !name.startsWith(ipv4Prefix) || name.endsWith('.forwarding'))
    .map(([name, value]) => ({ path: settingPath(name, linkName), value: String(value) }));
}

/** Where IPv6 is switched off for a link. */
export function disableIpv6(linkName: string): SysctlChange {
  return { path: settingPath('net.ipv6.conf.IFNAME.disable_ipv6', linkName), value: '0' };
}

/** Whether the user wants duplicate address detection for the addresses, which keeps them unusable for the pod's first second. */
export function wantsDetection({ sysctls }: InterfaceSetup): boolean {
  return ['accept_dad', 'dad_transmits'].some((name) => (sysctls?.[`net.ipv6.conf.IFNAME.${name}`] ?? 0) > 0);
}

const announcing: Ipv4Configuration = { arpNotify: 1 };
const ipv4Prefix = 'net.ipv4.conf.IFNAME.';

/** The setting's path below `/proc/sys/net`. Names of links may contain dots. */
function settingPath(name: string, linkName: string): string {
  const [directory = '', setting = ''] = name.split('.IFNAME.');
  return [...directory.split('.').slice(1), linkName, setting].join('/');
}

function ipv4Name(setting: string): keyof Ipv4Configuration {
  if (setting === 'src_valid_mark') return 'sourceValidMark';
  return setting.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()) as keyof Ipv4Configuration;
}
