import {
  type CreatedLink,
  type Link,
  type LinkData,
  linkDelete,
  linkSet,
  type LinkTemplate,
  NetlinkError,
  type RouteSocket,
} from '@patchbay/netlink';
import type { AttachedDevice, PodSandbox, SandboxOfDevice } from '../backend/backend.ts';
import { DeviceNotFoundError, ParametersInvalidError } from '../errors/driver-errors.ts';
import { InterfaceChecks } from '../interfaces/interface-checks.ts';
import { InterfaceConfigurator, leavesTraces } from '../interfaces/interface-configurator.ts';
import type { InterfaceSetup } from '../interfaces/interface-setup.ts';
import type { HostLinkAccess } from './link-snapshot/host-link-access.ts';
import { isExists, nameConflict } from './name-conflict.ts';
import { openUnlessGone } from './open-unless-gone.ts';
import { openRouteSocket, PodEntry } from './pod-entry.ts';
import {
  type CreatedSetup,
  type HostEnd,
  pairCreation,
  type PodLinkPlan,
  type PodLinkSpec,
  type PodPairSpec,
} from './pod-link-plan.ts';

/** Creates links in pods and takes them away. */
export class CreatedLinks {
  readonly #host: RouteSocket;
  readonly #openSocket: typeof openRouteSocket;
  readonly #configurator: InterfaceConfigurator;
  readonly #checks: InterfaceChecks;

  /**
   * @param host in the host's namespace; stays the caller's to close
   * @param access what links have on the host beyond what its socket shows
   * @param openSocket opens a socket in a pod's namespace
   * @param configurator makes links in pods look as they are to
   */
  constructor(
    host: RouteSocket,
    access: Pick<HostLinkAccess, 'openEthtool'>,
    openSocket = openRouteSocket,
    configurator = new InterfaceConfigurator(),
  ) {
    this.#host = host;
    this.#openSocket = openSocket;
    this.#configurator = configurator;
    this.#checks = new InterfaceChecks(host, () => access.openEthtool());
  }

  /**
   * Finds out, while a claim is prepared, what a link that is to be made for its pod cannot do of what its setup asks for.
   *
   * @param data kind and its data as rtnetlink has it
   * @param parent the host's link that it is built on
   * @throws ParametersInvalidError listing all of it
   */
  async assertCanCreate(data: LinkData, setup: InterfaceSetup, parent?: Link): Promise<void> {
    const mistakes = await this.#checks.newLink(data, setup, parent);
    if (mistakes.length > 0) throw new ParametersInvalidError(`${data.kind} link`, mistakes);
  }

  /**
   * Creates a link in a sandbox and configures it. Completes what is missing when it is there already.
   *
   * @throws InterfaceConflictError when the pod has another link of that name
   */
  async createIn(
    { spec, creation, configuration }: PodLinkPlan<PodLinkSpec>,
    sandbox: PodSandbox,
  ): Promise<AttachedDevice> {
    const { data, setup } = spec;
    using pod = PodEntry.open(sandbox, this.#openSocket);
    try {
      const { index } = creation.create(this.#host, pod.namespace, pod.socket);
      const fresh = { index, address: setup.hardwareAddress };
      await this.#configurator.configure(pod, fresh, setup, configuration);
      return { interfaceName: setup.name, linkIndex: index };
    } catch (error) {
      const existing = isExists(error) ? pod.socket.link({ name: setup.name }) : undefined;
      if (existing === undefined || !isOurs(existing, data.kind, setup)) {
        throw nameConflict(error, setup.name, `creating the ${data.kind} link in the pod`);
      }
      await this.#configurator.complete(pod, existing, setup);
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
    plan: PodLinkPlan<PodPairSpec>,
    sandbox: PodSandbox,
  ): Promise<{ readonly attached: AttachedDevice; readonly hostIndex: number }> {
    const { hostEnd, setup } = plan.spec;
    using pod = PodEntry.open(sandbox, this.#openSocket);
    const create = (template: LinkTemplate) => template.create(this.#host, pod.namespace, pod.socket);
    let created: CreatedLink;
    try {
      created = create(plan.creation);
    } catch (error) {
      const earlier = isExists(error) ? this.#host.link({ name: hostEnd.name }) : undefined;
      if (earlier === undefined) {
        if (isExists(error)) throw nameConflict(error, setup.name, creatingPair);
        const bridge = this.#bridgeMadeAnew(hostEnd, error);
        const again = pairCreation({ hostEnd: { ...hostEnd, bridge }, setup });
        created = createOrExplain(() => create(again), setup.name);
        return await this.#configurePair(pod, created, plan);
      }
      const existing = pod.socket.link({ name: setup.name });
      if (existing !== undefined && earlier.parent === existing.index && isOurs(existing, 'veth', setup)) {
        const { bridge } = hostEnd;
        this.#host.execute(
          linkSet(earlier.index, { up: true, ...(bridge === undefined ? {} : { master: bridge.index }) }),
        );
        await this.#configurator.complete(pod, existing, setup);
        return {
          attached: { interfaceName: setup.name, linkIndex: existing.index },
          hostIndex: earlier.index,
        };
      }
      await this.#host.executeAsync(linkDelete({ index: earlier.index }));
      created = createOrExplain(() => create(plan.creation), setup.name);
    }
    return await this.#configurePair(pod, created, plan);
  }

  /** Deletes a link that {@link createIn} made. Succeeds when it, or its namespace, is gone. */
  async deleteFrom({ data, setup }: PodLinkSpec, sandbox: SandboxOfDevice): Promise<void> {
    using namespace = openUnlessGone(sandbox.networkNamespacePath);
    if (namespace === undefined) return;
    using pod = this.#openSocket(namespace);
    const named = pod.link({ name: setup.name });
    const links = named !== undefined && isOurs(named, data.kind, setup) ? [named] : pod.links();
    const link =
      links.find((candidate) => isOurs(candidate, data.kind, setup)) ??
      links.find(({ kind, index }) => kind === data.kind && index === sandbox.linkIndex);
    if (link !== undefined) await ignoreGone(pod.executeAsync(linkDelete({ index: link.index })));
    this.#configurator.withdraw(pod, setup);
  }

  /** Deletes a veth pair by its host end, wherever the other end is. Succeeds when it, or the sandbox's namespace, is gone. */
  async deletePair({ hostEnd, setup }: PodPairSpec, sandbox: PodSandbox): Promise<void> {
    const { name } = hostEnd;
    if (this.#host.link({ name }) !== undefined) {
      await ignoreGone(this.#host.executeAsync(linkDelete({ name })));
    }
    if (!leavesTraces(setup)) return;
    using namespace = openUnlessGone(sandbox.networkNamespacePath);
    if (namespace === undefined) return;
    using pod = this.#openSocket(namespace);
    this.#configurator.withdraw(pod, setup);
  }

  async #configurePair(
    pod: PodEntry,
    created: CreatedLink,
    { spec: { setup }, configuration }: PodLinkPlan<PodPairSpec>,
  ): Promise<{ readonly attached: AttachedDevice; readonly hostIndex: number }> {
    // Kernels before 6.2 do not tell of the other end.
    const index = created.parent ?? pod.socket.linkIndex(setup.name);
    if (index === undefined) {
      throw new DeviceNotFoundError(setup.name, 'it vanished from the pod while it was created');
    }
    await this.#configurator.configure(pod, { index, address: setup.hardwareAddress }, setup, configuration);
    return { attached: { interfaceName: setup.name, linkIndex: index }, hostIndex: created.index };
  }

  /**
   * A bridge that was made anew since the claim was prepared has another index, by which the pair is tried again.
   *
   * @throws the error of the first try when the bridge is the same; DeviceNotFoundError when it is gone
   */
  #bridgeMadeAnew({ bridge }: HostEnd, error: unknown): NonNullable<HostEnd['bridge']> {
    if (bridge === undefined) throw error;
    const { name } = bridge;
    const link = this.#host.link({ name });
    if (link?.kind !== 'bridge') {
      throw new DeviceNotFoundError(name, 'there is no such bridge on the host any more; create it again');
    }
    if (link.index === bridge.index) throw error;
    return { name, index: link.index };
  }
}

const creatingPair = 'creating the veth pair';

function createOrExplain(create: () => CreatedLink, name: string): CreatedLink {
  try {
    return create();
  } catch (error) {
    throw nameConflict(error, name, creatingPair);
  }
}

function isOurs(link: Link, kind: string, { hardwareAddress }: CreatedSetup): boolean {
  return link.kind === kind && link.address === hardwareAddress;
}

async function ignoreGone(work: Promise<void>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof NetlinkError && error.code === 'ENODEV')) throw error;
  });
}
