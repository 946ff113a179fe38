import {
  addressAdd,
  addressFlags,
  EthtoolSocket,
  linkAddAltname,
  type LinkChanges,
  linkSet,
  NamespaceSysctls,
  neighbourAdd,
  neighbourFlags,
  routeAdd,
  routeAppend,
  routePrepend,
  type RouteRequest,
} from '@patchbay/netlink';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostLinkRig } from '../../testing/host-link-rig.ts';

/** A request for a link of which only its namespace will tell the index. */
type Request = { readonly make: string } & object;

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const text = fc.stringMatching(/^[a-z][a-z0-9 -]{0,30}$/);
const hardwareAddress = fc
  .integer({ min: 0, max: 0xffff })
  .map(
    (number) =>
      `02:00:5e:00:${[number >> 8, number & 0xff].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`,
  );

const settings: fc.Arbitrary<LinkChanges> = defined(
  fc.record({
    mtu: maybe(fc.integer({ min: 1280, max: 9000 })),
    address: maybe(hardwareAddress),
    broadcast: maybe(hardwareAddress),
    alias: maybe(text),
    txQueueLength: maybe(fc.integer({ min: 0, max: 10_000 })),
    group: maybe(fc.integer({ min: 0, max: 1000 })),
    gsoMaxSize: maybe(fc.integer({ min: 2000, max: 200_000 })),
    gsoMaxSegments: maybe(fc.integer({ min: 1, max: 60_000 })),
    groMaxSize: maybe(fc.integer({ min: 2000, max: 200_000 })),
    gsoIpv4MaxSize: maybe(fc.integer({ min: 2000, max: 200_000 })),
    groIpv4MaxSize: maybe(fc.integer({ min: 2000, max: 200_000 })),
    promiscuous: maybe(fc.boolean()),
    allMulticast: maybe(fc.boolean()),
    multicast: maybe(fc.boolean()),
  }),
);

const altnames = fc.uniqueArray(fc.stringMatching(/^alt[a-z0-9]{1,60}$/), { maxLength: 3 });

const lifetimes = fc.oneof(
  fc.constant({}),
  fc.record({ preferredLifetime: fc.constantFrom(0, 2000, 4000), validLifetime: fc.constant(5000) }),
);
const host = fc.integer({ min: 1, max: 9 });
const address: fc.Arbitrary<Request> = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 2 }), host, lifetimes, maybe(fc.integer({ min: 1, max: 9 })))
    .map(([network, number, lifetime, metric]) => ({
      ...{ make: 'address', address: `198.51.10${network}.${number}/24`, ...lifetime },
      ...(metric === undefined ? {} : { metric, label: 'nic0:x' }),
    })),
  fc
    .tuple(fc.constantFrom('fe80:', '2001:db8:', '2001:db8:1:'), host, lifetimes, fc.boolean())
    .map(([network, number, lifetime, plain]) => ({
      ...{ make: 'address', address: `${network}:${number}/64`, ...lifetime },
      flags: plain ? 0 : addressFlags.noprefixroute,
    })),
);

const add = fc.constantFrom('route', 'appended route', 'prepended route');
const route: fc.Arbitrary<Request> = fc.oneof(
  defined(
    fc.record({
      make: add,
      destination: fc.integer({ min: 1, max: 3 }).map((number) => `10.${number}.0.0/16`),
      gateway: maybe(host.map((number) => `198.51.100.${number}`)),
      table: fc.constantFrom(254, 77, 4_000_000),
      metric: maybe(fc.integer({ min: 1, max: 2 })),
      mtu: maybe(fc.integer({ min: 600, max: 1280 })),
      metrics: maybe(fc.record({ window: fc.integer({ min: 1, max: 60_000 }), quickAck: fc.constant(1) })),
      protocol: fc.constantFrom(3, 4, 16, 186),
    }),
  ).map((spec) => ({ ...spec, onlink: 'gateway' in spec })),
  defined(
    fc.record({
      make: add,
      destination: fc.integer({ min: 1, max: 3 }).map((number) => `2001:db8:f${number}::/48`),
      gateway: maybe(host.map((number) => `fe80::${number}`)),
      table: fc.constantFrom(254, 77),
      metric: fc.integer({ min: 1, max: 2 }),
      expires: maybe(fc.constant(5000)),
    }),
  ),
);

const neighbour: fc.Arbitrary<Request> = fc
  .tuple(fc.constantFrom('198.51.100.20', '198.51.100.21', '2001:db8::20'), fc.boolean())
  .map(([of, proxy]) => ({
    ...{ make: 'neighbour', address: of },
    ...(proxy ? { flags: neighbourFlags.proxy } : { linkAddress: '02:00:00:00:00:01' }),
  }));

const makers = {
  address: addressAdd,
  route: routeAdd,
  'appended route': routeAppend,
  'prepended route': routePrepend,
  neighbour: neighbourAdd,
} as const;

const sysctls = fc.dictionary(
  fc.constantFrom(
    ...['ipv4/conf/arp_ignore', 'ipv4/conf/forwarding', 'ipv4/conf/rp_filter', 'ipv4/conf/proxy_arp'],
    ...['ipv6/conf/forwarding', 'ipv6/conf/accept_ra', 'ipv6/conf/proxy_ndp', 'ipv6/conf/accept_redirects'],
    ...['ipv4/neigh/ucast_solicit', 'ipv6/neigh/mcast_solicit'],
  ),
  fc.constantFrom('0', '1'),
);

const features = fc.dictionary(
  fc.constantFrom(
    'tx-generic-segmentation',
    'tx-tcp-segmentation',
    'rx-gro',
    'tx-scatter-gather',
    'tx-udp-segmentation',
  ),
  fc.boolean(),
);

/** What somebody can make of a link. What the kernel refuses of it is left out. */
const configuration = fc.record({
  ...{ settings, altnames, sysctls, features },
  up: fc.boolean(),
  requests: fc
    .tuple(
      fc.array(address, { maxLength: 6 }),
      fc.array(route, { maxLength: 8 }),
      fc.array(neighbour, { maxLength: 3 }),
    )
    .map((lists) => lists.flat()),
});
type Configuration = typeof configuration extends fc.Arbitrary<infer T> ? T : never;

async function apply(
  { settings, altnames, sysctls, features, up, requests }: Configuration,
  linkIndex: number,
  name: string,
  {
    links,
    ethtool,
    settle,
  }: {
    readonly links: (...requests: readonly RouteRequest[]) => Promise<unknown>;
    readonly ethtool: EthtoolSocket;
    readonly settle: NamespaceSysctls;
  },
): Promise<void> {
  for (const [path, value] of Object.entries(sysctls)) {
    const [family = '', directory = '', setting = ''] = path.split('/');
    settle.write([{ path: `${family}/${directory}/${name}/${setting}`, value }]);
  }
  if (Object.keys(features).length > 0) await ethtool.setFeatures(linkIndex, features);
  await links(
    ...Object.entries(settings).map(([setting, value]) => linkSet(linkIndex, { [setting]: value })),
    ...altnames.map((altname) => linkAddAltname(linkIndex, [altname])),
    linkSet(linkIndex, { up: true }),
  );
  // A route may need an address, and those of IPv6 the link to be up.
  await links(
    ...requests.map(({ make, ...spec }) =>
      (makers[make as keyof typeof makers] as (spec: object) => RouteRequest)({ ...spec, linkIndex }),
    ),
  );
  if (!up) await links(linkSet(linkIndex, { up: false }));
}

function kept<T extends object>(spec: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined)) as never;
}

function defined<T extends object>(
  arbitrary: fc.Arbitrary<T>,
): fc.Arbitrary<{ [K in keyof T]: Exclude<T[K], undefined> }> {
  return arbitrary.map(kept);
}

describe('a host link with any configuration', () => {
  it('comes back with it, whatever a pod makes of the link', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(configuration, configuration, async (ofHost, ofPod) => {
        using rig = new HostLinkRig();
        rig.configure();
        await rig.settle();
        rig.host.execute(linkSet(rig.nic, { up: false }));
        using onHost = EthtoolSocket.open();
        await apply(ofHost, rig.nic, 'nic0', {
          links: (...requests) => rig.host.attemptAsync(...requests),
          ...{ ethtool: onHost, settle: new NamespaceSysctls() },
        });
        await rig.expectRestored(async (linkIndex) => {
          using inPod = EthtoolSocket.open({ namespace: rig.pod });
          await rig.inPodAsync((socket) =>
            apply(ofPod, linkIndex, 'fast0', {
              links: (...requests) => socket.attemptAsync(...requests),
              ...{ ethtool: inPod, settle: new NamespaceSysctls(rig.pod) },
            }),
          );
        });
        runs++;
      }),
      { numRuns: 30, endOnFailure: true },
    );
    expect(runs).toBe(30);
  }, 120_000);
});
