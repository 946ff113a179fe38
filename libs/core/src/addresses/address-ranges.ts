import type { ClaimLedger } from '../attachments/claim-ledger.ts';
import {
  AddressRangeExhaustedError,
  type ConfigIssue,
  ParametersInvalidError,
} from '../errors/driver-errors.ts';
import { routeMistakes } from '../interfaces/contradictions.ts';
import type { InterfaceSetup, RouteSetup } from '../interfaces/interface-setup.ts';
import { leasedFamilies } from '../interfaces/schema/address-sources-schema.ts';
import type { AddressGrants } from './address-grants.ts';
import { addressNumber, type Family, familyOf, nextFree, numberAddress } from './address-number.ts';
import { type AddressRangeConfig, givenSpans, networkOfAddress } from './address-range-config.ts';

/** An address that a claim's device holds. Plain JSON, in the claim's record. */
export type HeldAddress = {
  /** Name of the range. */
  readonly range: string;
  /** Canonical, without prefix length. */
  readonly address: string;
};

/** Whom an address is for. */
export interface AddressHolder {
  readonly claimUID: string;
  readonly request: string;
  readonly shareId?: string | undefined;
}

/** A setup with its addresses, and which of them are held from a range. */
export interface AssignedSetup {
  readonly setup: InterfaceSetup;
  readonly held: readonly HeldAddress[];
}

/** How many holders an error names. */
const named = 5;

/**
 * Gives claims addresses of the configured ranges, in turn, each to one claim at a time. An address is held by the record of its claim in the
 * journal; from choosing it to journalling it by this object, while no other instance prepares (`InstanceTurn`).
 */
export class AddressRanges {
  readonly #ranges: ReadonlyMap<string, AddressRangeConfig>;
  readonly #ledger: Pick<ClaimLedger, 'all' | 'get'>;
  readonly #grants: AddressGrants;
  /** By claim, until its record is in the journal. */
  readonly #chosen = new Map<string, HeldAddress[]>();

  /** @param ranges those of the configuration that this node gives from */
  constructor(
    ranges: readonly AddressRangeConfig[],
    ledger: Pick<ClaimLedger, 'all' | 'get'>,
    grants: AddressGrants,
  ) {
    this.#ranges = new Map(ranges.map((range) => [range.name, range]));
    this.#ledger = ledger;
    this.#grants = grants;
  }

  /**
   * Chooses the addresses that a setup asks for, one of each IP version that the range has, and adds them and the range's routes to it. They
   * are the claim's until {@link settle}, and from then on if its record holds them.
   *
   * @throws ParametersInvalidError when there is no such range, or the setup has an address of the IP version already;
   *   AddressRangeExhaustedError when all addresses are held
   */
  assign(asked: InterfaceSetup, holder: AddressHolder): AssignedSetup {
    if (asked.addressRange === undefined) return { setup: asked, held: [] };
    const range = this.#ranges.get(asked.addressRange);
    const issues = range === undefined ? [this.#unknown(asked.addressRange)] : collisions(asked, range);
    if (range === undefined || issues.length > 0) throw new ParametersInvalidError('parameters', issues);
    const families = new Set(range.network.map(familyOf));
    const holders = this.#holders();
    const chosen = [...families].map((family) => this.#choose(range, family, holder, holders));
    const held = chosen.map((address) => ({ range: range.name, address }));
    this.#grants.add(
      held.map((each) => ({ ...each, holder: textOf(holder) })),
      (address) => holders.has(address),
    );
    this.#chosen.set(holder.claimUID, [...(this.#chosen.get(holder.claimUID) ?? []), ...held]);
    const setup = withAddresses(asked, chosen, range);
    const mistakes = routeMistakes(setup.addresses, setup.routes).map(({ message }) => ({
      path: 'routes',
      message,
    }));
    // What DHCP adds is looked at when it is there.
    if (mistakes.length > 0 && asked.dhcp === undefined) {
      this.settle(holder.claimUID);
      throw new ParametersInvalidError(`addresses of range '${range.name}'`, mistakes);
    }
    return { setup, held };
  }

  /** Ends the holding of what was chosen for a claim: its record is in the journal, or it is not prepared. */
  settle(claimUID: string): void {
    this.#chosen.delete(claimUID);
  }

  #choose(
    range: AddressRangeConfig,
    family: Family,
    holder: AddressHolder,
    holders: ReadonlyMap<string, string>,
  ): string {
    const grants = this.#grants.of(range.name).filter(({ address }) => familyOf(address) === family);
    const files = this.#grants.recordFiles();
    const outOfReach = new Map(
      grants.flatMap(({ address, holder: text }): [string, string][] => {
        const claimUID = text.split(' ')[0] ?? '';
        const file = files.get(claimUID);
        // The claim itself may have its address back: what it had before is gone with its record.
        return file === undefined || claimUID === holder.claimUID || this.#ledger.get(claimUID) !== undefined
          ? []
          : [[address, `the unreadable record ${file}`]];
      }),
    );
    const spans = givenSpans(range, family);
    const isTaken = (address: string) => holders.has(address) || outOfReach.has(address);
    const own = grants.findLast((grant) => grant.holder === textOf(holder))?.address;
    if (own !== undefined && !isTaken(own)) {
      const number = addressNumber(own);
      if (spans.some(({ first, last }) => number >= first && number <= last)) return own;
    }
    const last = grants.at(-1)?.address;
    const number = nextFree(spans, last === undefined ? undefined : addressNumber(last), (each) =>
      isTaken(numberAddress(each, family)),
    );
    if (number !== undefined) return numberAddress(number, family);
    const inRange = [...holders, ...outOfReach].filter(
      ([address]) => familyOf(address) === family && networkOfAddress(range.network, address) !== undefined,
    );
    const listed = inRange.slice(0, named).map(([address, who]) => `${address} by ${who}`);
    if (inRange.length > named) listed.push(`${inRange.length - named} more`);
    throw new AddressRangeExhaustedError(range.name, family, inRange.length, listed);
  }

  /** Who holds which address, in words, by address. */
  #holders(): Map<string, string> {
    const holders = new Map<string, string>();
    for (const { claim, devices } of this.#ledger.all()) {
      for (const { address } of devices.flatMap(({ addresses = [] }) => addresses)) {
        holders.set(address, `claim ${claim.namespace}/${claim.name}`);
      }
    }
    for (const [claimUID, held] of this.#chosen) {
      for (const { address } of held) holders.set(address, `claim ${claimUID}, which is being prepared`);
    }
    return holders;
  }

  #unknown(name: string): ConfigIssue {
    const known = [...this.#ranges.keys()].map((each) => `'${each}'`).join(', ');
    return {
      path: 'interface.addressRange',
      message: `this node has no address range '${name}' (${known === '' ? 'none is configured' : `it has ${known}`}); correct the name, or add it to addressRanges in the driver's configuration`,
    };
  }
}

/** What in the setup gives an address of an IP version that the range gives one of. */
function collisions(asked: InterfaceSetup, range: AddressRangeConfig): ConfigIssue[] {
  const families = new Set(range.network.map(familyOf));
  const given = asked.addresses.filter((address) => families.has(familyOf(address)));
  const leased = leasedFamilies(asked.dhcp).filter((family) => families.has(family));
  return [
    ...given.map((address) => ({
      path: 'interface.addressRange',
      message: `range '${range.name}' gives an IPv${familyOf(address)} address, and interface.addresses gives '${address}'; leave one of them out`,
    })),
    ...leased.map((family) => ({
      path: 'interface.addressRange',
      message: `range '${range.name}' gives an IPv${family} address, and interface.dhcp.ipv${family} leases one; leave one of them out`,
    })),
  ];
}

function withAddresses(
  asked: InterfaceSetup,
  addresses: readonly string[],
  { network: networks, routes, gateway }: AddressRangeConfig,
): InterfaceSetup {
  const own = addresses.map((address) => {
    const length = networkOfAddress(networks, address)?.split('/')[1];
    return `${address}/${length}`;
  });
  const added = routes
    .map((route): RouteSetup => {
      const hop = route.gateway ?? gateway.find((each) => familyOf(each) === familyOf(route.destination));
      const table = asked.vrf === undefined ? {} : { table: asked.vrf.table };
      return { ...table, ...route, ...(hop === undefined || route.scope === 'link' ? {} : { gateway: hop }) };
    })
    // A claim's own route to the same destination is meant instead.
    .filter(({ destination, table }) =>
      asked.routes.every((route) => route.destination !== destination || route.table !== table),
    );
  return {
    ...asked,
    addresses: [...asked.addresses, ...own],
    routes: routesInOrder([...asked.routes, ...added]),
  };
}

/** The routes in an order in which the kernel takes them: a gateway must be reachable when its route is added. */
export function routesInOrder(routes: readonly RouteSetup[]): RouteSetup[] {
  return [
    ...routes.filter(({ gateway }) => gateway === undefined),
    ...routes.filter(({ gateway }) => gateway !== undefined),
  ];
}

function textOf({ claimUID, request, shareId }: AddressHolder): string {
  return [claimUID, request, ...(shareId === undefined ? [] : [shareId])].join(' ');
}
