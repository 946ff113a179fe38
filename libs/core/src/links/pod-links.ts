import {
  type CreatedLink,
  type Link,
  type LinkData,
  linkDelete,
  linkSet,
  NetlinkError,
  NetworkNamespace,
  RouteSocket,
} from '@patchbay/netlink';
import type { AttachedDevice, PodSandbox } from '../backend/backend.ts';
import { DeviceNotFoundError, ParametersInvalidError } from '../errors/driver-errors.ts';
import { InterfaceChecks } from '../interfaces/interface-checks.ts';
import { InterfaceConfigurator, leavesTraces } from '../interfaces/interface-configurator.ts';
import type { PodNetwork } from '../interfaces/apply/namespace-access.ts';
import type { InterfaceSetup } from '../interfaces/interface-setup.ts';
import { deviceExists, findInPod, findOnHost, travelMark } from './link-identity.ts';
import type { Logger } from '../logging/logger.ts';
import type { NamespacePins } from './namespace-pins.ts';
import { type HostLinkAccess, hostLinkAccess } from './link-snapshot/host-link-access.ts';
import { LinkRestorer } from './link-snapshot/link-restorer.ts';
import type { LinkSnapshot } from './link-snapshot/link-snapshot.ts';
import { takeLinkSnapshot } from './link-snapshot/take-link-snapshot.ts';
import { moveBack } from './move-back.ts';
import { isExists, nameConflict } from './name-conflict.ts';
import { openUnlessGone } from './open-unless-gone.ts';

/** A link to create in a pod. */
export interface PodLinkSpec {
  /** Kind and its data as rtnetlink has it; for a veth the pod's end is the peer, see {@link PodLinks.createPairIn}. */
  readonly data: LinkData;
  /** Index of the host's link that the new one is built on. */
  readonly parent?: number;
  /** How the link is to look in the pod. Its hardware address must be given: it tells our link from another of the same name. */
  readonly setup: InterfaceSetup & { readonly hardwareAddress: string };
}

/** The host's end of a veth pair. */
export interface HostEnd {
  readonly name: string;
  readonly hardwareAddress: string;
  /** Bytes; the kernel's default when absent. */
  readonly mtu?: number;
  /** Bridge that it becomes a port of, with the index that it had when the claim was prepared. */
  readonly bridge?: { readonly name: string; readonly index: number };
}

/**
 * Moves links of the host into pods and back, and creates links in pods. What every link backend shares: names, addresses, routes, MTU,
 * restoring and repeating are written here once.
 */
export class PodLinks {
  readonly #host: RouteSocket;
  readonly #hostNamespace: NetworkNamespace;
  readonly #pins: NamespacePins;
  readonly #logger: Logger;
  readonly #openSocket: (namespace: NetworkNamespace) => RouteSocket;
  readonly #access: HostLinkAccess;
  readonly #restorer: LinkRestorer;
  readonly #configurator: InterfaceConfigurator;
  readonly #checks: InterfaceChecks;

  /**
   * Socket and namespace are the host's; they stay the caller's to close.
   *
   * @param openSocket opens a socket in a pod's namespace
   * @param access what links have on the host beyond what its socket shows
   * @param configurator makes links in pods look as they are to
   */
  constructor(
    host: RouteSocket,
    hostNamespace: NetworkNamespace,
    pins: NamespacePins,
    logger: Logger,
    openSocket = (namespace: NetworkNamespace) => RouteSocket.open({ namespace }),
    access: HostLinkAccess = hostLinkAccess(hostNamespace),
    configurator = new InterfaceConfigurator(),
  ) {
    this.#host = host;
    this.#hostNamespace = hostNamespace;
    this.#pins = pins;
    this.#logger = logger;
    this.#openSocket = openSocket;
    this.#access = access;
    this.#restorer = new LinkRestorer(host, access, logger);
    this.#configurator = configurator;
    this.#checks = new InterfaceChecks(host, () => access.openEthtool());
  }

  /**
   * Takes the snapshot that {@link moveIn} and {@link moveOut} need of a link of the host, before anybody touches it. Takes some milliseconds.
   *
   * @throws DeviceNotFoundError when the link is not on the host any more
   */
  snapshot(link: Link): Promise<LinkSnapshot> {
    return takeLinkSnapshot(this.#host, this.#access, link);
  }

  /**
   * Finds out, while a claim is prepared, what a link of the host cannot do of what its setup asks for.
   *
   * @throws ParametersInvalidError listing all of it
   */
  async assertCanMove(link: Link, setup: InterfaceSetup): Promise<void> {
    const mistakes = await this.#checks.hostLink(link, setup);
    if (mistakes.length > 0) throw new ParametersInvalidError(`link ${link.name}`, mistakes);
  }

  /**
   * {@link assertCanMove} for a link that is to be made for the pod.
   *
   * @param data kind and its data as rtnetlink has it
   * @param parent the host's link that it is built on
   */
  async assertCanCreate(data: LinkData, setup: InterfaceSetup, parent?: Link): Promise<void> {
    const mistakes = await this.#checks.newLink(data, setup, parent);
    if (mistakes.length > 0) throw new ParametersInvalidError(`${data.kind} link`, mistakes);
  }

  /**
   * Moves a host link into a sandbox and configures it there. Completes what is missing when the link is there already.
   *
   * @throws DeviceNotFoundError when the link is neither on the host nor in the sandbox; InterfaceConflictError when the pod has such a name
   */
  async moveIn(snapshot: LinkSnapshot, setup: InterfaceSetup, sandbox: PodSandbox): Promise<AttachedDevice> {
    using namespace = NetworkNamespace.open(sandbox.networkNamespacePath);
    const onHost = findOnHost(this.#host, snapshot);
    using pod = this.#openSocket(namespace);
    if (onHost === undefined) {
      const inPod = this.#findInPod(pod, snapshot, setup);
      if (inPod === undefined) {
        throw new DeviceNotFoundError(
          snapshot.name,
          'its link is neither on the host nor in the pod; it was unplugged or taken by someone else',
        );
      }
      const present = inPod.name === setup.name ? inPod : await this.#renameInPod(pod, inPod, setup.name);
      await this.#configurator.complete({ socket: pod, namespace }, present, setup);
      return { interfaceName: setup.name, linkIndex: present.index };
    }
    this.#pins.pin(snapshot, namespace);
    try {
      const alias = travelMark(snapshot);
      await this.#host.executeAsync(
        // In a message of its own: the kernel moves before it looks at MTU and address, and the link must be known where it is if it then
        // refuses those.
        ...(alias === undefined ? [] : [linkSet(onHost.index, { alias })]),
        // The move takes the link down and drops its addresses and routes; everything else rides on the same message.
        linkSet(onHost.index, {
          namespace,
          name: setup.name,
          ...(setup.mtu === undefined ? {} : { mtu: setup.mtu }),
          ...(setup.hardwareAddress === undefined ? {} : { address: setup.hardwareAddress }),
        }),
      );
    } catch (error) {
      throw nameConflict(error, setup.name, `moving link ${onHost.name} into the pod`);
    }
    const index = pod.linkIndex(setup.name);
    if (index === undefined)
      throw new DeviceNotFoundError(snapshot.name, 'its link vanished while it was moved into the pod');
    const address = setup.hardwareAddress ?? onHost.address;
    await this.#configurator.configure(
      { socket: pod, namespace },
      address === undefined ? { index } : { index, address },
      setup,
    );
    return { interfaceName: setup.name, linkIndex: index };
  }

  /**
   * Brings a host link back from a sandbox and restores it from its snapshot. Succeeds when it is back already, and when it does not exist
   * any more: a software link that the pod deleted, hardware that was unplugged.
   *
   * @throws DeviceNotFoundError when hardware has not come back by itself yet from a namespace that is dying; InterfaceConflictError when
   *   another link of the host has its name
   */
  async moveOut(snapshot: LinkSnapshot, setup: InterfaceSetup, sandbox: PodSandbox): Promise<void> {
    for (const path of new Set([sandbox.networkNamespacePath, this.#pins.path(snapshot)])) {
      using namespace = path === undefined ? undefined : openUnlessGone(path);
      if (namespace === undefined) continue;
      using pod = this.#openSocket(namespace);
      const inPod = this.#findInPod(pod, snapshot, setup);
      if (inPod !== undefined) await moveBack(pod, inPod, snapshot, this.#host, this.#hostNamespace);
      this.#configurator.withdraw(pod, setup);
    }
    const found = findOnHost(this.#host, snapshot);
    if (found !== undefined) await this.#restorer.restore(snapshot, found);
    else this.#missing(snapshot);
    this.#pins.unpin(snapshot);
  }

  #findInPod(
    pod: RouteSocket,
    snapshot: LinkSnapshot,
    { hardwareAddress }: InterfaceSetup,
  ): Link | undefined {
    return findInPod(pod, snapshot, hardwareAddress, () => pod.namespaceId(this.#hostNamespace));
  }

  #missing(snapshot: LinkSnapshot): void {
    if (deviceExists(snapshot)) {
      throw new DeviceNotFoundError(
        snapshot.name,
        `its hardware (${snapshot.parentDevice?.name}) is there, its link is not: it comes back when the last process of the pod has ended`,
      );
    }
    this.#logger.warn(
      { link: snapshot.name },
      'a link that a pod had does not exist any more; nothing is left to restore',
    );
  }

  /**
   * Creates a link in a sandbox and configures it. Completes what is missing when it is there already.
   *
   * @throws InterfaceConflictError when the pod has another link of that name
   */
  async createIn({ data, parent, setup }: PodLinkSpec, sandbox: PodSandbox): Promise<AttachedDevice> {
    using namespace = NetworkNamespace.open(sandbox.networkNamespacePath);
    using pod = this.#openSocket(namespace);
    try {
      const { index } = this.#host.createLinkFast(
        {
          name: setup.name,
          kind: data,
          namespace,
          address: setup.hardwareAddress,
          ...(parent === undefined ? {} : { parent }),
          ...(setup.mtu === undefined ? {} : { mtu: setup.mtu }),
        },
        pod,
      );
      const address = setup.hardwareAddress;
      await this.#configurator.configure({ socket: pod, namespace }, { index, address }, setup);
      return { interfaceName: setup.name, linkIndex: index };
    } catch (error) {
      const existing = isExists(error) ? pod.link({ name: setup.name }) : undefined;
      if (existing === undefined || !isOurs(existing, data.kind, setup)) {
        throw nameConflict(error, setup.name, `creating the ${data.kind} link in the pod`);
      }
      await this.#configurator.complete({ socket: pod, namespace }, existing, setup);
      return { interfaceName: setup.name, linkIndex: existing.index };
    }
  }

  /**
   * Creates a veth pair, one end configured in a sandbox, the other on the host. Completes what is missing when it is there already; half a
   * pair of an interrupted attempt is replaced.
   *
   * @returns the pod's end, and the index of the host's end
   */
  async createPairIn(
    hostEnd: HostEnd,
    setup: PodLinkSpec['setup'],
    sandbox: PodSandbox,
  ): Promise<{ readonly attached: AttachedDevice; readonly hostIndex: number }> {
    using namespace = NetworkNamespace.open(sandbox.networkNamespacePath);
    using pod = this.#openSocket(namespace);
    let bridge = hostEnd.bridge?.index;
    const create = () =>
      this.#host.createLinkFast({
        name: hostEnd.name,
        address: hostEnd.hardwareAddress,
        up: true,
        ...(hostEnd.mtu === undefined ? {} : { mtu: hostEnd.mtu }),
        ...(bridge === undefined ? {} : { master: bridge }),
        kind: {
          kind: 'veth',
          peer: {
            name: setup.name,
            address: setup.hardwareAddress,
            namespace,
            ...(setup.mtu === undefined ? {} : { mtu: setup.mtu }),
          },
        },
      });
    let created: CreatedLink;
    try {
      created = create();
    } catch (error) {
      const earlier = isExists(error) ? this.#host.link({ name: hostEnd.name }) : undefined;
      if (earlier === undefined) {
        if (isExists(error)) throw nameConflict(error, setup.name, 'creating the veth pair');
        bridge = this.#bridgeMadeAnew(hostEnd, error);
        created = createOrExplain(create, setup.name);
        return await this.#configurePair({ socket: pod, namespace }, created, setup);
      }
      const existing = pod.link({ name: setup.name });
      if (existing !== undefined && earlier.parent === existing.index && isOurs(existing, 'veth', setup)) {
        this.#host.execute(
          linkSet(earlier.index, { up: true, ...(bridge === undefined ? {} : { master: bridge }) }),
        );
        await this.#configurator.complete({ socket: pod, namespace }, existing, setup);
        return {
          attached: { interfaceName: setup.name, linkIndex: existing.index },
          hostIndex: earlier.index,
        };
      }
      await this.#host.executeAsync(linkDelete({ index: earlier.index }));
      created = createOrExplain(create, setup.name);
    }
    return await this.#configurePair({ socket: pod, namespace }, created, setup);
  }

  /** Deletes a link that {@link createIn} made. Succeeds when it, or its namespace, is gone. */
  async deleteFrom({ data, setup }: PodLinkSpec, sandbox: PodSandbox): Promise<void> {
    using namespace = openUnlessGone(sandbox.networkNamespacePath);
    if (namespace === undefined) return;
    using pod = this.#openSocket(namespace);
    const named = pod.link({ name: setup.name });
    const link =
      named !== undefined && isOurs(named, data.kind, setup)
        ? named
        : pod.links().find((candidate) => isOurs(candidate, data.kind, setup));
    if (link !== undefined) await ignoreGone(pod.executeAsync(linkDelete({ index: link.index })));
    this.#configurator.withdraw(pod, setup);
  }

  /** Deletes a veth pair by its host end, wherever the other end is. Succeeds when it, or the sandbox's namespace, is gone. */
  async deletePair(hostEndName: string, setup: InterfaceSetup, sandbox: PodSandbox): Promise<void> {
    if (this.#host.link({ name: hostEndName }) !== undefined) {
      await ignoreGone(this.#host.executeAsync(linkDelete({ name: hostEndName })));
    }
    if (!leavesTraces(setup)) return;
    using namespace = openUnlessGone(sandbox.networkNamespacePath);
    if (namespace === undefined) return;
    using pod = this.#openSocket(namespace);
    this.#configurator.withdraw(pod, setup);
  }

  async #configurePair(
    pod: PodNetwork,
    created: CreatedLink,
    setup: PodLinkSpec['setup'],
  ): Promise<{ readonly attached: AttachedDevice; readonly hostIndex: number }> {
    // Kernels before 6.2 do not tell of the other end.
    const index = created.parent ?? pod.socket.linkIndex(setup.name);
    if (index === undefined) {
      throw new DeviceNotFoundError(setup.name, 'it vanished from the pod while it was created');
    }
    await this.#configurator.configure(pod, { index, address: setup.hardwareAddress }, setup);
    return { attached: { interfaceName: setup.name, linkIndex: index }, hostIndex: created.index };
  }

  /**
   * A bridge that was made anew since the claim was prepared has another index, by which the pair is tried again.
   *
   * @throws the error of the first try when the bridge is the same; DeviceNotFoundError when it is gone
   */
  #bridgeMadeAnew({ bridge }: HostEnd, error: unknown): number {
    if (bridge === undefined) throw error;
    const link = this.#host.link({ name: bridge.name });
    if (link?.kind !== 'bridge') {
      throw new DeviceNotFoundError(
        bridge.name,
        'there is no such bridge on the host any more; create it again',
      );
    }
    if (link.index === bridge.index) throw error;
    return link.index;
  }

  async #renameInPod(pod: RouteSocket, link: Link, name: string): Promise<Link> {
    try {
      return await this.#rename(pod, link, name);
    } catch (error) {
      throw nameConflict(error, name, `giving link ${link.name} its name in the pod`);
    }
  }

  async #rename(socket: RouteSocket, link: Link, name: string): Promise<Link> {
    // Kernels before 6.2 rename only links that are down.
    await socket.executeAsync(linkSet(link.index, { up: false, name }));
    return { ...link, name, up: false };
  }
}

function createOrExplain(create: () => CreatedLink, name: string): CreatedLink {
  try {
    return create();
  } catch (error) {
    throw nameConflict(error, name, 'creating the veth pair');
  }
}

function isOurs(link: Link, kind: string, setup: PodLinkSpec['setup']): boolean {
  return link.kind === kind && link.address === setup.hardwareAddress;
}

async function ignoreGone(work: Promise<void>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof NetlinkError && error.code === 'ENODEV')) throw error;
  });
}
