import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CriClient, LabApiServer, LabKubelet } from '@patchbay/lab';
import type { LabApiClient, LabApiServerOptions, LabKubeletOptions, RequestRecord } from '@patchbay/lab';
import { KubeApi } from '../kube/kube-api.ts';
import type { KubernetesObject } from '../kube/kubernetes-object.ts';
import { DraPlugin } from '../plugin/dra-plugin.ts';
import type { DraPluginOptions } from '../plugin/dra-plugin.ts';
import type { DraDriver } from '../plugin/dra-driver.ts';
import { ResourceSlicePublisher } from '../slices/resource-slice-publisher.ts';
import type { ResourceSlicePublisherOptions } from '../slices/resource-slice-publisher.ts';
import type { ResourceSlice } from '../slices/resource-slice.ts';
import { ClaimStatusWriter } from '../status/claim-status-writer.ts';
import { TestKubelet } from '../testing/index.ts';

/** The driver under test. */
export const driverName = 'toys.example.com';
/** Its node. */
export const nodeName = 'worker';

const slicesPath = '/apis/resource.k8s.io/v1/resourceslices';

/** A publisher at work. */
export interface RunningPublisher {
  readonly publisher: ResourceSlicePublisher;
  /** What it reported. */
  readonly errors: Error[];
  /** Ends it; its slices stay. */
  stop(): Promise<void>;
}

/** A writer of claim statuses at work. */
export interface RunningStatusWriter {
  readonly writer: ClaimStatusWriter;
  /** What it reported. */
  readonly errors: Error[];
}

/** A driver for checks that are not about drivers. */
const idleDriver: DraDriver = {
  prepareClaim: () => Promise.resolve([]),
  unprepareClaim: () => Promise.resolve(),
};

/**
 * What the numbered checks run against: the lab's API server, which has the limits and manners of the real one, a client of it as drivers
 * have one, and a kubelet's side of the sockets.
 */
export class ConformanceRig {
  readonly directory: string;
  readonly server: LabApiServer;
  /** The driver's client. */
  readonly api: KubeApi;
  /** The client of everybody else: scheduler, kubelet, users. */
  readonly admin: LabApiClient;
  readonly kubelet = new TestKubelet();
  readonly #stops: (() => Promise<void>)[] = [];
  #writesSeen = 0;

  private constructor(directory: string, server: LabApiServer) {
    this.directory = directory;
    this.server = server;
    this.api = KubeApi.fromKubeConfig(server.kubeconfigPath);
    this.admin = server.client();
  }

  /** Starts an API server that knows one node. */
  static async start(options: Omit<LabApiServerOptions, 'directory'> = {}): Promise<ConformanceRig> {
    // Short, because socket paths are.
    const directory = mkdtempSync(join(tmpdir(), 'dra-'));
    const rig = new ConformanceRig(directory, await LabApiServer.start({ ...options, directory }));
    await rig.addNode();
    return rig;
  }

  /** Ends everything that was started here, the last first. */
  async stop(): Promise<void> {
    this.kubelet.close();
    for (const stop of this.#stops.splice(0).reverse()) await stop();
    this.api.close();
    this.admin.close();
    await this.server.stop();
    rmSync(this.directory, { recursive: true });
  }

  /** Has something ended with the rig. */
  onStop(stop: () => Promise<void>): void {
    this.#stops.push(stop);
  }

  /** Creates the driver's node. */
  addNode(): Promise<KubernetesObject> {
    const body = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName } };
    return this.admin.request<KubernetesObject>({ method: 'POST', path: '/api/v1/nodes', body });
  }

  /** Makes a plugin that is not started, in `registry` and `plugin` below the rig's directory. */
  makePlugin(options: Partial<DraPluginOptions> = {}): DraPlugin {
    const plugin = new DraPlugin({
      driverName,
      driver: idleDriver,
      api: this.api,
      registryDirectory: join(this.directory, 'registry'),
      pluginDirectory: join(this.directory, 'plugin'),
      nodeName,
      stopGraceMs: 200,
      ...options,
    });
    this.onStop(() => plugin.stop());
    return plugin;
  }

  /** Starts a plugin. */
  async startPlugin(options: Partial<DraPluginOptions> = {}): Promise<DraPlugin> {
    const plugin = this.makePlugin(options);
    await plugin.start();
    return plugin;
  }

  /** Starts a publisher that tries again quickly. */
  startPublisher(options: Partial<ResourceSlicePublisherOptions> = {}): RunningPublisher {
    const errors: Error[] = [];
    const publisher = new ResourceSlicePublisher({
      api: this.api,
      driverName,
      nodeName,
      backoff: { initialMs: 5, maximumMs: 50 },
      onError: (error) => errors.push(error),
      ...options,
    });
    const abort = new AbortController();
    const running = publisher.run(abort.signal);
    const stop = async () => {
      abort.abort();
      await running;
    };
    this.onStop(stop);
    return { publisher, errors, stop };
  }

  /** Starts a writer of claim statuses that tries again quickly. */
  startStatusWriter(): RunningStatusWriter {
    const errors: Error[] = [];
    const writer = new ClaimStatusWriter({
      api: this.api,
      driverName,
      backoff: { initialMs: 5, maximumMs: 50 },
      onError: (error) => errors.push(error),
    });
    const abort = new AbortController();
    const running = writer.run(abort.signal);
    this.onStop(async () => {
      abort.abort();
      await running;
    });
    return { writer, errors };
  }

  /** Starts the lab's kubelet, for registration, health and wipes: it has no runtime to run pods in. */
  async startKubelet(
    registryDirectory: string,
    options: Pick<LabKubeletOptions, 'times' | 'version'> = {},
  ): Promise<LabKubelet> {
    mkdirSync(registryDirectory, { recursive: true });
    const kubelet = new LabKubelet({
      nodeName,
      api: { getClaim: () => Promise.resolve(undefined), wipeResourceSlices: () => this.wipeSlices() },
      cri: new CriClient(join(this.directory, 'no-runtime.sock')),
      registryDirectory,
      ...options,
    });
    await kubelet.start();
    this.onStop(() => kubelet.stop());
    return kubelet;
  }

  /** All ResourceSlices, in the shape of v1 whatever version is served. */
  slices(): ResourceSlice[] {
    return this.server.store.list('resourceslices.resource.k8s.io') as unknown as ResourceSlice[];
  }

  /** Creates a slice as somebody else. */
  addSlice(name: string, spec: object): Promise<KubernetesObject> {
    const body = { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceSlice', metadata: { name }, spec };
    return this.admin.request<KubernetesObject>({ method: 'POST', path: slicesPath, body });
  }

  /** Changes a slice as somebody else. */
  async editSlice(slice: ResourceSlice, spec: object): Promise<void> {
    const body = { ...slice, spec: { ...slice.spec, ...spec } };
    await this.admin.request({ method: 'PUT', path: `${slicesPath}/${slice.metadata.name}`, body });
  }

  /** Deletes a slice as somebody else. */
  async deleteSlice(slice: ResourceSlice): Promise<void> {
    await this.admin.request({ method: 'DELETE', path: `${slicesPath}/${slice.metadata.name}` });
  }

  /** Deletes the node's slices in one request, as the kubelet does when it starts and when the driver has been away for long. */
  async wipeSlices(): Promise<void> {
    const query = { fieldSelector: `spec.nodeName=${nodeName}` };
    await this.admin.request({ method: 'DELETE', path: slicesPath, query });
  }

  /** What the driver has asked of the API server so far. */
  get driverRequests(): readonly RequestRecord[] {
    return this.server.requests.filter(({ userAgent }) => userAgent === 'patchbay-dra');
  }

  /** Those of them that change something. */
  get driverWrites(): readonly RequestRecord[] {
    return this.driverRequests.filter(({ method }) => method !== 'GET');
  }

  /** Methods of the driver's writes since this was last asked. */
  newWrites(): string[] {
    const methods = this.driverWrites.slice(this.#writesSeen).map(({ method }) => method);
    this.#writesSeen += methods.length;
    return methods;
  }
}
