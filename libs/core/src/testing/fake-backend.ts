import type {
  AttachStrategy,
  Backend,
  BackendModule,
  DeviceRequest,
  PodSandbox,
} from '../backend/backend.ts';
import type { Device } from '../backend/device.ts';
import * as z from 'zod';
import { BACKEND } from '../backend/backend-container.ts';

/** A backend whose devices are only entries of a map: for tests of what the core does with any backend. */
export class FakeBackend implements Backend {
  /** Where each device is: the sandbox's id, or absent when on the host. */
  readonly places = new Map<string, string>();
  /** Devices that are prepared. */
  readonly prepared = new Set<string>();
  /** All calls in order, such as `attach a s1`. */
  readonly calls: string[] = [];
  /** Links in sandboxes, `device sandbox`. */
  readonly links = new Set<string>();
  /** Calls that fail, such as `attach b`. */
  readonly failing = new Set<string>();
  devices: readonly Device[];

  constructor(...names: readonly string[]) {
    this.devices = names.map((name) => ({ name, identity: `fake/${name}`, attributes: {} }));
  }

  readonly discovery = {
    list: () => Promise.resolve(this.devices),
    watch: () => {},
  };

  readonly attach: AttachStrategy = {
    prepare: async ({ device, interface: { name } }: DeviceRequest) => {
      this.#call('prepare', device.name);
      this.prepared.add(device.name);
      return { device: device.name, name };
    },
    attach: async (prepared: object, { sandboxId }: PodSandbox) => {
      const { device, name } = prepared as { device: string; name: string };
      this.links.add(`${device} ${sandboxId}`);
      const place = this.attach.obstacleToSharing ? undefined : this.places.get(device);
      if (place !== undefined && place !== sandboxId) throw new Error(`${device} is in ${place}`);
      this.places.set(device, sandboxId);
      this.#call('attach', device, sandboxId);
      return { interfaceName: name, linkIndex: 7 };
    },
    detach: async (prepared: object, { sandboxId }: PodSandbox) => {
      const { device } = prepared as { device: string };
      this.#call('detach', device, sandboxId);
      this.links.delete(`${device} ${sandboxId}`);
      if (this.places.get(device) === sandboxId) this.places.delete(device);
    },
    unprepare: async (prepared: object) => {
      const { device } = prepared as { device: string };
      this.#call('unprepare', device);
      this.prepared.delete(device);
    },
  };

  /** Has the devices go into several pods of a claim, each a link of its own; or tell why they cannot. */
  share(obstacle?: string): this {
    this.attach.obstacleToSharing = () => obstacle;
    return this;
  }

  /** The backend as a module called `fake`. */
  get module(): BackendModule {
    return {
      kind: 'fake',
      configSchema: z.strictObject({}),
      parametersSchema: z.strictObject({}),
      register: (container) => container.provide(BACKEND, () => this),
    };
  }

  #call(verb: string, device: string, ...details: readonly string[]): void {
    this.calls.push([verb, device, ...details].join(' '));
    if (this.failing.has(`${verb} ${device}`)) throw new Error(`${verb} ${device} fails`);
  }
}
