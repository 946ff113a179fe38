import { type Link, linkSet, type NetworkNamespace, type RouteSocket } from '@patchbay/netlink';
import type { AttachedDevice, PodSandbox, SandboxOfDevice } from '../backend/backend.ts';
import { DeviceNotFoundError, ParametersInvalidError } from '../errors/driver-errors.ts';
import { InterfaceChecks } from '../interfaces/interface-checks.ts';
import type { FreshSteps } from '../interfaces/apply/fresh-steps.ts';
import { InterfaceConfigurator } from '../interfaces/interface-configurator.ts';
import type { InterfaceSetup } from '../interfaces/interface-setup.ts';
import { deviceExists, findByIndex, findInPod, findOnHost, travelMark } from './link-identity.ts';
import type { Logger } from '../logging/logger.ts';
import type { NamespacePins } from './namespace-pins.ts';
import { type HostLinkAccess, hostLinkAccess } from './link-snapshot/host-link-access.ts';
import { LinkMoves } from './link-moves.ts';
import { LinkRestorer } from './link-snapshot/link-restorer.ts';
import type { LinkSnapshot } from './link-snapshot/link-snapshot.ts';
import { takeLinkSnapshot } from './link-snapshot/take-link-snapshot.ts';
import { moveBack } from './move-back.ts';
import { nameConflict } from './name-conflict.ts';
import { openUnlessGone } from './open-unless-gone.ts';
import { openRouteSocket, PodEntry } from './pod-entry.ts';

/** Moves links of the host into pods and back, where they become again what they were. */
export class MovedLinks {
  readonly #host: RouteSocket;
  readonly #hostNamespace: NetworkNamespace;
  readonly #pins: NamespacePins;
  readonly #logger: Logger;
  readonly #openSocket: typeof openRouteSocket;
  readonly #access: HostLinkAccess;
  readonly #moves: LinkMoves;
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
    openSocket = openRouteSocket,
    access: HostLinkAccess = hostLinkAccess(hostNamespace),
    configurator = new InterfaceConfigurator(),
  ) {
    this.#host = host;
    this.#hostNamespace = hostNamespace;
    this.#pins = pins;
    this.#logger = logger;
    this.#openSocket = openSocket;
    this.#access = access;
    this.#moves = new LinkMoves(host);
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
   * Moves a host link into a sandbox and configures it there. Completes what is missing when the link is there already.
   *
   * @param configuration what {@link planPodMove} has made of snapshot and setup, if anything
   * @throws DeviceNotFoundError when the link is neither on the host nor in the sandbox; InterfaceConflictError when the pod has such a name
   */
  async moveIn(
    snapshot: LinkSnapshot,
    setup: InterfaceSetup,
    sandbox: PodSandbox,
    configuration?: FreshSteps,
  ): Promise<AttachedDevice> {
    using pod = PodEntry.open(sandbox, this.#openSocket);
    const onHost = findOnHost(this.#host, snapshot);
    if (onHost === undefined) {
      const inPod = this.#findInPod(pod.socket, snapshot, setup);
      if (inPod === undefined) {
        throw new DeviceNotFoundError(
          snapshot.name,
          'its link is neither on the host nor in the pod; it was unplugged or taken by someone else',
        );
      }
      const present =
        inPod.name === setup.name ? inPod : await this.#renameInPod(pod.socket, inPod, setup.name);
      await this.#configurator.complete(pod, present, setup);
      return { interfaceName: setup.name, linkIndex: present.index };
    }
    this.#pins.pin(snapshot, pod.namespace);
    try {
      const alias = travelMark(snapshot);
      await this.#moves.move(
        // In a message of its own: the kernel moves before it looks at MTU and address, and the link must be known where it is if it then
        // refuses those.
        ...(alias === undefined ? [] : [linkSet(onHost.index, { alias })]),
        // The move takes the link down and drops its addresses and routes; everything else rides on the same message.
        linkSet(onHost.index, {
          namespace: pod.namespace,
          name: setup.name,
          ...(setup.mtu === undefined ? {} : { mtu: setup.mtu }),
          ...(setup.hardwareAddress === undefined ? {} : { address: setup.hardwareAddress }),
        }),
      );
    } catch (error) {
      throw nameConflict(error, setup.name, `moving link ${onHost.name} into the pod`);
    }
    const index = pod.socket.linkIndex(setup.name);
    if (index === undefined)
      throw new DeviceNotFoundError(snapshot.name, 'its link vanished while it was moved into the pod');
    const address = setup.hardwareAddress ?? onHost.address;
    const isAsPlanned = address === (setup.hardwareAddress ?? snapshot.hardwareAddress);
    await this.#configurator.configure(
      pod,
      address === undefined ? { index } : { index, address },
      setup,
      isAsPlanned ? configuration : undefined,
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
  async moveOut(snapshot: LinkSnapshot, setup: InterfaceSetup, sandbox: SandboxOfDevice): Promise<void> {
    for (const path of new Set([sandbox.networkNamespacePath, this.#pins.path(snapshot)])) {
      using namespace = path === undefined ? undefined : openUnlessGone(path);
      if (namespace === undefined) continue;
      using pod = this.#openSocket(namespace);
      const inPod =
        this.#findInPod(pod, snapshot, setup) ?? findByIndex(pod, this.#host, snapshot, sandbox.linkIndex);
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
    const hostNamespaceId = () => pod.namespaceId(this.#hostNamespace);
    return findInPod(pod, snapshot, { hardwareAddress, hostNamespaceId });
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
