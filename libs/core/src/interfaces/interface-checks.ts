import {
  EthtoolSocket,
  linkAdd,
  linkDelete,
  type Link,
  type LinkData,
  type LinkFeatures,
  NetlinkError,
  NetworkNamespace,
  RouteSocket,
} from '@patchbay/netlink';
import { existsSync } from 'node:fs';
import type { ConfigIssue } from '../errors/driver-errors.ts';
import { fileSettings } from './apply/interface-sysctls.ts';
import type { InterfaceSetup } from './interface-setup.ts';

/** Opens what reads features of the host's links; undefined where the kernel has nothing of the kind. */
type OpenEthtool = () => (Pick<EthtoolSocket, 'features' | 'privateFlags'> & Disposable) | undefined;

/** Loopback, which every namespace has: it knows the names of all features, and has every setting that a link can have. */
const loopbackIndex = 1;
const loopbackName = 'lo';

/** Finds out, while a claim is prepared, what this node's kernel and a link cannot do of what a setup asks for. Asks only about that. */
export class InterfaceChecks {
  readonly #host: Pick<RouteSocket, 'execute' | 'createLink'>;
  readonly #openEthtool: OpenEthtool;
  readonly #procfs: string;

  /** @param host in the host's namespace; stays the caller's to close */
  constructor(host: Pick<RouteSocket, 'execute' | 'createLink'>, openEthtool: OpenEthtool, procfs = '/proc') {
    this.#host = host;
    this.#openEthtool = openEthtool;
    this.#procfs = procfs;
  }

  /** What a link of the host cannot do. */
  async hostLink(link: Link, setup: InterfaceSetup): Promise<ConfigIssue[]> {
    return [
      ...this.#kernelMistakes(setup),
      ...sizeMistakes(link, setup),
      ...(await this.#ethtoolMistakes(setup, link)),
    ];
  }

  /**
   * What a link cannot do that is made for the pod. Whether it switches its features is tried on one like it, out of everybody's sight.
   *
   * @param data its kind and settings
   * @param parent the host's link that it is built on, if any
   */
  async newLink(data: LinkData, setup: InterfaceSetup, parent?: Link): Promise<ConfigIssue[]> {
    const { inherit } = setup;
    return [
      ...this.#kernelMistakes(setup),
      ...(parent === undefined ? [] : sizeMistakes(parent, setup)),
      ...(inherit !== undefined && Object.values(inherit).includes(true)
        ? [
            {
              path: 'interface.inherit',
              message: `a ${data.kind} link is made for the pod and was nothing on the host; leave it out`,
            },
          ]
        : []),
      ...(await this.#ethtoolMistakes(setup, data.kind)),
      ...(await this.#switchMistakes(setup, data, parent)),
    ];
  }

  async #switchMistakes(
    { ethtool: asked }: InterfaceSetup,
    kind: LinkData,
    parent: Link | undefined,
  ): Promise<ConfigIssue[]> {
    const features = asked?.features ?? {};
    if (Object.keys(features).length === 0) return [];
    using namespace = NetworkNamespace.create();
    try {
      const trial = this.#host.createLink({
        ...{ name: 'trial', kind, namespace },
        ...(parent === undefined ? {} : { parent: parent.index }),
      });
      using ethtool = EthtoolSocket.open({ namespace });
      const unmet = await ethtool.setFeatures(trial.index, features);
      // A namespace takes its time to die, and its links keep others from their parent until then.
      using socket = RouteSocket.open({ namespace });
      await socket.executeAsync(linkDelete({ index: trial.index }));
      return unmet.map((name) => ({
        path: `interface.ethtool.features.${name}`,
        message: `is not what a ${kind.kind} link ${parent === undefined ? '' : `on ${parent.name} `}can be switched to; leave it out`,
      }));
    } catch (error) {
      // Unknown names are told already; a parent that takes one link only is in use when it is tried again.
      if (error instanceof NetlinkError) return [];
      throw error;
    }
  }

  #kernelMistakes(setup: InterfaceSetup): ConfigIssue[] {
    const { vrf } = setup;
    const mistakes: ConfigIssue[] = [];
    if (vrf !== undefined && !this.#hasVrf()) {
      mistakes.push({
        path: 'interface.vrf',
        message: `'${vrf.name}' is a VRF, which this node's kernel has not; load its module vrf, or leave it out`,
      });
    }
    const missing = fileSettings({ ...setup, name: loopbackName }).filter(
      ({ path }) => !existsSync(`${this.#procfs}/sys/net/${path}`),
    );
    return [...mistakes, ...missing.map(({ path }) => missingSetting(path))];
  }

  /** Without its table a VRF is never made: what kernels answer then tells those that know the kind (`vrf_newlink`, EINVAL) from the others. */
  #hasVrf(): boolean {
    try {
      this.#host.execute(incompleteVrf);
    } catch (error) {
      return error instanceof NetlinkError && error.code !== 'EOPNOTSUPP';
    }
    return true;
  }

  async #ethtoolMistakes({ ethtool: asked }: InterfaceSetup, on: Link | string): Promise<ConfigIssue[]> {
    if (asked === undefined) return [];
    using ethtool = this.#openEthtool();
    if (ethtool === undefined)
      return [
        { path: 'interface.ethtool', message: "needs ethtool netlink, which this node's kernel has not" },
      ];
    const features = Object.entries(asked.features ?? {});
    const flags = Object.keys(asked.privateFlags ?? {});
    const link = typeof on === 'string' ? undefined : on;
    const known = features.length > 0 ? await ethtool.features(link?.index ?? loopbackIndex) : {};
    const present = flags.length > 0 && link !== undefined ? await ethtool.privateFlags(link.index) : {};
    return [
      ...features.flatMap(([name, wanted]) => featureMistake(name, wanted, known, link)),
      ...flags.flatMap((name) =>
        flagMistake(name, Object.keys(present), link?.name ?? `a ${on as string} link`),
      ),
    ];
  }
}

/** `link add` of kind `vrf` without the data that it needs. */
const incompleteVrf = linkAdd({ kind: { kind: 'raw', type: 'vrf' }, name: 'patchbay-probe' });

function missingSetting(path: string): ConfigIssue {
  const [family = '', section = '', , setting = ''] = path.split('/');
  if (setting === 'force_forwarding' || setting === 'forwarding') {
    const message =
      "for one interface alone is what kernels have for IPv6 from Linux 6.17 on, and this node's is older; write forwarding: { ipv4: true }, and for IPv6 the pod's securityContext.sysctls net.ipv6.conf.all.forwarding";
    return { path: 'interface.forwarding', message };
  }
  if (setting === 'ndisc_notify') {
    return {
      path: 'interface.addresses',
      message: "has IPv6, which this node's kernel has not; leave it out",
    };
  }
  return {
    path: `interface.sysctls.net.${family}.${section}.IFNAME.${setting}`,
    message: "is a setting that this node's kernel has not; leave it out",
  };
}

/** A link that segments less than it is to be given would be refused by the kernel (`do_setlink` in net/core/rtnetlink.c). */
function sizeMistakes({ name, tsoMaxSize }: Link, setup: InterfaceSetup): ConfigIssue[] {
  if (tsoMaxSize === undefined) return [];
  return (['gsoMaxSize', 'gsoIPv4MaxSize'] as const).flatMap((field) => {
    const size = setup[field];
    if (size === undefined || size <= tsoMaxSize) return [];
    return [
      {
        path: `interface.${field}`,
        message: `${size} is more than link ${name} can segment (${tsoMaxSize}); lower it`,
      },
    ];
  });
}

function featureMistake(
  name: string,
  wanted: boolean,
  known: LinkFeatures,
  link: Link | undefined,
): ConfigIssue[] {
  const path = `interface.ethtool.features.${name}`;
  const feature = known[name];
  if (feature === undefined) {
    const similar = similarNames(name, Object.keys(known));
    const hint = similar.length > 0 ? `did you mean ${similar.join(', ')}?` : 'ethtool -k lists them';
    return [{ path, message: `is no feature that this node's kernel knows; ${hint}` }];
  }
  if (link === undefined || feature.changeable || feature.active === wanted) return [];
  return [
    { path, message: `is fixed to ${feature.active ? 'on' : 'off'} on link ${link.name}; leave it out` },
  ];
}

function flagMistake(name: string, present: readonly string[], link: string): ConfigIssue[] {
  if (present.includes(name)) return [];
  const has = present.length > 0 ? `it has ${present.join(', ')}` : 'it has none';
  return [
    { path: `interface.ethtool.privateFlags.${name}`, message: `is no private flag of ${link}; ${has}` },
  ];
}

/** Those that share most words with a name. */
function similarNames(name: string, known: readonly string[]): string[] {
  const words = name.split('-');
  const shared = (candidate: string) => candidate.split('-').filter((word) => words.includes(word)).length;
  const most = Math.max(...known.map(shared));
  return most === 0 ? [] : known.filter((candidate) => shared(candidate) === most).slice(0, 5);
}
