import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { neighbourStates, NetworkNamespace, routeProtocols, RouteSocket } from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BackendContainer } from '../backend/backend-container.ts';
import { BackendRegistry } from '../backend/backend-registry.ts';
import type { AttachStrategy, Backend, BackendModule, PodSandbox } from '../backend/backend.ts';
import { CREATED_LINKS, HOST_LINKS, HOST_ROUTES, LOGGER, MOVED_LINKS } from '../backend/driver-services.ts';
import type { JsonObject } from '../backend/json.ts';
import { InterfaceConflictError } from '../errors/driver-errors.ts';
import { namespaceAccess } from '../interfaces/apply/namespace-access.ts';
import { InterfaceConfigurator } from '../interfaces/interface-configurator.ts';
import { InterfaceParameters } from '../interfaces/interface-parameters.ts';
import { HostLinks } from '../inventory/host-links.ts';
import { type HostLinkAccess, hostLinkAccess } from '../links/link-snapshot/host-link-access.ts';
import { NamespacePins } from '../links/namespace-pins.ts';
import { CreatedLinks } from '../links/created-links.ts';
import { MovedLinks } from '../links/moved-links.ts';
import { silentLogger } from '../logging/logger.ts';
import { CrashPlan, SimulatedCrash } from './crashing-socket.ts';
import { hostState } from './host-state.ts';

/** What the contract needs to know of a backend. */
export interface BackendContractOptions {
  readonly module: BackendModule;
  /** The backend's section of the configuration, as a user writes it. */
  readonly config: unknown;
  /** Makes what the backend's devices are made of, in the namespace that the test runs in. */
  setUp(host: RouteSocket): void;
  /** Removes what {@link setUp} made. */
  tearDown(host: RouteSocket): void;
  /** Claim parameters for the backend's first device, without apiVersion and kind. */
  readonly parameters: {
    readonly interface: { readonly name: string; readonly addresses: readonly string[] };
  };
}

/** One life of the driver, as far as backends see it. */
interface Life extends Disposable {
  readonly backend: Backend;
}

/**
 * The tests that every backend must pass: repeated and interrupted calls, another process finishing what one began, gone namespaces, and a
 * host that afterwards is what it was. Runs in the network namespace of the test process, which must be a throw-away one.
 */
export function backendContract({
  module,
  config,
  setUp,
  tearDown,
  parameters,
}: BackendContractOptions): void {
  describe(`backend ${module.kind} keeps the contract`, () => {
    const { signal } = new AbortController();
    let host: RouteSocket;
    let pod: NetworkNamespace;
    let sandbox: PodSandbox;
    let before: string;
    /** What the pod has when the device is wholly attached. */
    let whole: ReturnType<typeof podConfiguration> | undefined;
    let state: string;

    beforeEach(() => {
      state = mkdtempSync(join(tmpdir(), 'contract-'));
      host = RouteSocket.open();
      setUp(host);
      pod = NetworkNamespace.create();
      sandbox = {
        podUID: 'pod-uid',
        podName: 'pod',
        podNamespace: 'default',
        sandboxId: 'sandbox',
        networkNamespacePath: `/proc/${process.pid}/fd/${pod.fd}`,
      };
      before = hostState(host);
      whole = undefined;
    });
    afterEach(() => {
      pod.close();
      tearDown(host);
      host.close();
      rmSync(state, { recursive: true });
    });

    function begin(plan = new CrashPlan(Infinity, 'before')): Life {
      const routes = RouteSocket.open();
      const namespace = NetworkNamespace.own();
      const container = BackendContainer.create('the contract');
      container.provide(LOGGER, () => silentLogger);
      container.provide(HOST_ROUTES, () => plan.apply(routes));
      container.provide(HOST_LINKS, () => new HostLinks(routes));
      const openSocket = (inside: NetworkNamespace) => plan.apply(RouteSocket.open({ namespace: inside }));
      const access = planned(plan, hostLinkAccess(namespace));
      const configurator = new InterfaceConfigurator((inside) => planned(plan, namespaceAccess(inside)));
      container.provide(
        CREATED_LINKS,
        () => new CreatedLinks(plan.apply(routes), access, openSocket, configurator),
      );
      const pins = new NamespacePins(join(state, 'namespaces'));
      container.provide(
        MOVED_LINKS,
        () =>
          new MovedLinks(plan.apply(routes), namespace, pins, silentLogger, openSocket, access, configurator),
      );
      const registry = BackendRegistry.compose(container, [
        { module, config: module.configSchema.parse(config) },
      ]);
      const backend = registry.get(module.kind);
      if (backend === undefined) throw new Error('no backend');
      return {
        backend,
        [Symbol.dispose]: () => {
          routes.close();
          namespace.close();
        },
      };
    }

    /** What the journal of another process would hold. */
    async function prepare({ backend }: Life, changes: object = {}): Promise<JsonObject> {
      const [device] = await backend.discovery.list(signal);
      if (device === undefined) throw new Error('the backend discovers no device');
      const { interface: setup, section } = new InterfaceParameters(
        new Map([[module.kind, module.parametersSchema]]),
      ).resolve(
        [
          {
            source: 'FromClaim',
            parameters: {
              apiVersion: 'patchbay.dev/v1alpha1',
              kind: 'InterfaceConfig',
              ...parameters,
              ...changes,
            },
          },
        ],
        module.kind,
        device.name,
      );
      const prepared = await backend.attach.prepare(
        {
          claim: { uid: 'claim-uid', namespace: 'default', name: 'claim' },
          request: 'net',
          device,
          interface: setup,
          parameters: section,
        },
        signal,
      );
      return JSON.parse(JSON.stringify(prepared)) as JsonObject;
    }

    function expectAttached(): void {
      using socket = RouteSocket.open({ namespace: pod });
      const link = socket.link({ name: parameters.interface.name });
      expect(link?.up).toBe(true);
      expect(socket.links().filter(({ encapsulation }) => encapsulation !== 'loopback')).toHaveLength(1);
      const addresses = socket
        .addresses({ linkIndex: link?.index ?? 0 })
        .map(({ address }) => address.split('/')[0]);
      expect(addresses).toEqual(
        expect.arrayContaining(parameters.interface.addresses.map((address) => address.split('/')[0])),
      );
      const configuration = podConfiguration(socket);
      expect(configuration).toEqual((whole ??= configuration));
    }

    function expectDetached(): void {
      expect(readdirSync(state).flatMap((name) => readdirSync(join(state, name)))).toEqual([]);
      using socket = RouteSocket.open({ namespace: pod });
      expect(socket.links().filter(({ encapsulation }) => encapsulation !== 'loopback')).toEqual([]);
      expect(podConfiguration(socket)).toEqual({
        links: [],
        addresses: [],
        routes: [],
        rules: [],
        neighbours: [],
      });
      expect(hostState(host)).toBe(before);
    }

    it('discovers devices with DNS labels for names, plain attributes and stable order', async () => {
      using life = begin();
      const devices = await life.backend.discovery.list(signal);
      expect(devices.length).toBeGreaterThan(0);
      for (const { name } of devices) expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
      expect(new Set(devices.map(({ identity }) => identity)).size).toBe(devices.length);
      expect(JSON.parse(JSON.stringify(devices))).toEqual(devices);
      // The kernel tells of the state of links that were just made a moment later.
      await vi.waitFor(async () => {
        const before = await life.backend.discovery.list(signal);
        expect(await life.backend.discovery.list(signal)).toEqual(before);
      });
    });

    it('prepares the same from the same request, and touches nothing', async () => {
      using first = begin();
      using second = begin();
      expect(await prepare(first)).toEqual(await prepare(second));
      expect(hostState(host)).toBe(before);
    });

    it('attaches, attaches again without a change, and detaches to what was before', async () => {
      using life = begin();
      const { attach } = life.backend;
      const prepared = await prepare(life);
      const attached = await attach.attach(prepared, sandbox, signal);
      expect(attached.interfaceName).toBe(parameters.interface.name);
      expectAttached();
      expect(await attach.attach(prepared, sandbox, signal)).toEqual(attached);
      expectAttached();
      await attach.detach(prepared, sandbox, signal);
      expectDetached();
      await attach.unprepare(prepared, signal);
      await attach.unprepare(prepared, signal);
      expect(hostState(host)).toBe(before);
    });

    it('makes of a device that was made ready what it makes of any other', async () => {
      const prepared = await during(begin(), (life) => prepare(life));
      using ready = begin();
      using unready = begin();
      ready.backend.attach.makeReady?.(prepared);
      // What was made ready is good for more than once, whatever has another index by then.
      for (const { backend } of [ready, ready, unready]) {
        await backend.attach.attach(prepared, sandbox, signal);
        expectAttached();
        await backend.attach.detach(prepared, sandbox, signal);
        expectDetached();
      }
    });

    it('lets another process finish: attach, complete and detach each by their own', async () => {
      const prepared = await during(begin(), (life) => prepare(life));
      await during(begin(), ({ backend }) => backend.attach.attach(prepared, sandbox, signal));
      await during(begin(), ({ backend }) => backend.attach.attach(prepared, sandbox, signal));
      expectAttached();
      await during(begin(), ({ backend }) => backend.attach.detach(prepared, sandbox, signal));
      expectDetached();
    });

    it('detaches what was never attached, what is detached, and what was in a namespace that is gone', async () => {
      using life = begin();
      const { attach } = life.backend;
      const prepared = await prepare(life);
      await attach.detach(prepared, sandbox, signal);
      expectDetached();
      await attach.attach(prepared, sandbox, signal);
      await attach.detach(prepared, sandbox, signal);
      await attach.detach(prepared, sandbox, signal);
      expectDetached();
      await attach.detach(prepared, { ...sandbox, networkNamespacePath: '/run/netns/gone' }, signal);
      expectDetached();
    });

    it('refuses a name that the pod has, in words, and leaves nothing behind', async () => {
      using life = begin();
      const { attach } = life.backend;
      using inside = RouteSocket.open({ namespace: pod });
      const occupant = inside.createLink({ name: parameters.interface.name, kind: { kind: 'bridge' } });
      const prepared = await prepare(life);
      const attempt = attach.attach(prepared, sandbox, signal);
      await expect(attempt).rejects.toThrow(InterfaceConflictError);
      await expect(attempt).rejects.toThrow(`'${parameters.interface.name}'`);
      await attach.detach(prepared, sandbox, signal);
      expect(hostState(host)).toBe(before);
      expect(inside.link({ index: occupant.index })?.name).toBe(parameters.interface.name);
    });

    describe.each(['before', 'after'] as const)('killed %s any change to the kernel', (when) => {
      it.each([
        ['attaching again completes it', 'attach', 'attach'],
        ['detaching brings all back', 'attach', 'detach'],
        ['detaching again brings all back', 'detach', 'detach'],
      ] as const)('while it works: %s', async (_what, interrupted, next) => {
        let changes = 0;
        for (let crashed = true; crashed; changes++) {
          const prepared = await during(begin(), (life) => prepare(life));
          if (interrupted === 'detach') {
            await during(begin(), ({ backend }) => backend.attach.attach(prepared, sandbox, signal));
          }
          const plan = new CrashPlan(changes, when);
          await during(begin(plan), ({ backend }) =>
            untilCrash(backend.attach[interrupted](prepared, sandbox, signal)),
          );
          crashed = plan.crashed;
          await during(begin(), async ({ backend }) => {
            await backend.attach[next](prepared, sandbox, signal);
            if (next === 'attach') expectAttached();
            await backend.attach.detach(prepared, sandbox, signal);
          });
          expectDetached();
        }
        expect(changes).toBeGreaterThan(1);
      });
    });

    it('leaves no descriptor open after ten rounds', async () => {
      using life = begin();
      const { attach } = life.backend;
      const round = async () => {
        const prepared = await prepare(life);
        await attach.attach(prepared, sandbox, signal);
        await attach.detach(prepared, sandbox, signal);
      };
      await round();
      const open = readdirSync('/proc/self/fd').length;
      for (let count = 0; count < 10; count++) await round();
      expect(readdirSync('/proc/self/fd').length).toBe(open);
      expectDetached();
    });
  });
}

/** What somebody configured in a pod, without what depends on the moment. */
function podConfiguration(socket: RouteSocket) {
  const links = socket.links().filter(({ encapsulation }) => encapsulation !== 'loopback');
  return {
    links: links.map(({ name, mtu, address, txQueueLength, promiscuity }) => ({
      ...{ name, mtu, address, txQueueLength, promiscuity },
    })),
    addresses: socket
      .addresses()
      .filter(({ scope }) => scope === 'global')
      .map(({ address, flags }) => ({ address, flags })),
    routes: socket
      .routes()
      .filter(({ protocol }) => protocol !== routeProtocols.kernel)
      .map(({ destination, gateway, table, metric }) => ({ destination, gateway, table, metric })),
    rules: socket.rules().filter(({ protocol }) => protocol !== routeProtocols.kernel),
    neighbours: socket
      .neighbours()
      .filter(({ state }) => state === neighbourStates.permanent)
      .map(({ address, linkAddress }) => ({ address, linkAddress })),
  };
}

/** Ways to the kernel that follow a plan. */
function planned<Access extends HostLinkAccess>(plan: CrashPlan, access: Access): Access {
  return {
    ...Object.fromEntries(
      Object.entries(access).map(([name, part]) => [
        name,
        typeof part === 'object' ? plan.apply(part) : part,
      ]),
    ),
    openEthtool() {
      const ethtool = access.openEthtool();
      return ethtool && plan.apply(ethtool);
    },
  } as Access;
}

async function during<T>(life: Life, work: (life: Life) => Promise<T>): Promise<T> {
  using _ = life;
  return await work(life);
}

async function untilCrash(work: ReturnType<AttachStrategy['attach']> | Promise<void>): Promise<void> {
  await Promise.resolve<unknown>(work).catch((error: unknown) => {
    if (!(error instanceof SimulatedCrash)) throw error;
  });
}
