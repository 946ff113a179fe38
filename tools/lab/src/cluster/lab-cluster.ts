import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LabApiServer, type LabApiServerOptions } from '../apiserver/lab-api-server.ts';
import { ApiRequestError, type LabApiClient } from '../apiserver/lab-api-client.ts';
import type { KubeObject } from '../apiserver/objects/kube-object.ts';
import { enteredContainerdTools } from '../containerd/containerd-tools.ts';
import { unmountBelow } from '../containerd/unmount-below.ts';
import { LabContainerd, type LabContainerdOptions } from '../containerd/lab-containerd.ts';
import { LabKubelet, type LabKubeletTimes } from '../kubelet/lab-kubelet.ts';
import type { KubeletApi, PodEvent, ResourceClaim } from '../kubelet/kubelet-api.ts';
import type { PodManifest } from '../kubelet/pod-manifest.ts';
import type { RunningPod } from '../kubelet/pod-worker.ts';
import { LabScheduler } from '../scheduler/lab-scheduler.ts';
import { waitUntil } from '../waiting/wait-until.ts';
import { installDriverAccess } from './driver-access.ts';
import { collectionPath, objectPath } from './object-path.ts';

/** How a {@link LabCluster} is set up; everything has a default. */
export interface LabClusterOptions {
  readonly nodeName?: string;
  readonly containerd?: Omit<LabContainerdOptions, 'tools'>;
  /**
   * What the API server offers to the driver. The lab's scheduler and kubelet, and {@link LabCluster.api}, see all versions whatever is
   * switched off.
   */
  readonly apiServer?: Pick<LabApiServerOptions, 'features' | 'resourceVersions'>;
  readonly kubeletTimes?: LabKubeletTimes;
  /** The Kubernetes release whose kubelet runs, from `1.32` on; the kubelet's default otherwise. */
  readonly kubeletVersion?: string;
}

/** A pod as a user writes it; the API server gives the UID. */
export interface PodTemplate {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: PodManifest['spec'];
}

/**
 * One node of a cluster: a real containerd, and the lab's API server, scheduler and kubelet around it. Start it inside the lab
 * (`runInLab`), which takes everything away at the end.
 */
export class LabCluster {
  readonly nodeName: string;
  /** Everything of this cluster but the runtime's files lies here. */
  readonly directory: string;
  readonly registryDirectory: string;
  readonly pluginsDirectory: string;
  readonly server: LabApiServer;
  readonly api: LabApiClient;
  readonly containerd: LabContainerd;
  readonly kubelet: LabKubelet;
  readonly #scheduler: LabScheduler;

  private constructor(
    nodeName: string,
    directory: string,
    server: LabApiServer,
    containerd: LabContainerd,
    { kubeletTimes: times, kubeletVersion: version }: LabClusterOptions,
  ) {
    this.nodeName = nodeName;
    this.directory = directory;
    this.registryDirectory = join(directory, 'registry');
    this.pluginsDirectory = join(directory, 'plugins');
    mkdirSync(this.registryDirectory);
    mkdirSync(this.pluginsDirectory);
    this.server = server;
    this.api = server.client({ userAgent: 'lab', everyVersion: true });
    this.containerd = containerd;
    this.#scheduler = new LabScheduler({
      api: server.client({ userAgent: 'lab-scheduler', everyVersion: true }),
    });
    this.kubelet = new LabKubelet({
      nodeName,
      api: kubeletApi(server.client({ userAgent: 'lab-kubelet', everyVersion: true })),
      cri: containerd.cri,
      registryDirectory: this.registryDirectory,
      ...(times === undefined ? {} : { times }),
      ...(version === undefined ? {} : { version }),
    });
  }

  /** Starts all parts, makes the node, and gives the driver its rights. */
  static async start(options: LabClusterOptions = {}): Promise<LabCluster> {
    mkdirSync('/run/lab', { recursive: true });
    const directory = mkdtempSync('/run/lab/k');
    const nodeName = options.nodeName ?? 'lab-node';
    const [server, containerd] = await Promise.all([
      LabApiServer.start({ directory, ...options.apiServer }),
      LabContainerd.start({ tools: enteredContainerdTools(), ...options.containerd }),
    ]);
    const cluster = new LabCluster(nodeName, directory, server, containerd, options);
    const status = { nodeInfo: { kubeletVersion: cluster.kubelet.version } };
    await cluster.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName }, status });
    await installDriverAccess(server);
    await cluster.#scheduler.start();
    await cluster.kubelet.start();
    return cluster;
  }

  /** Creates an object and returns it as the API server stored it. */
  async create(object: KubeObject): Promise<KubeObject> {
    return this.api.request({ method: 'POST', path: collectionPath(object), body: object });
  }

  /** Reads an object. */
  async get<T = KubeObject>(object: KubeObject): Promise<T> {
    return this.api.request<T>({ method: 'GET', path: objectPath(object) });
  }

  /** Deletes an object; succeeds when it is gone. */
  async delete(object: KubeObject): Promise<void> {
    await this.api.request({ method: 'DELETE', path: objectPath(object) }).catch((error: unknown) => {
      if (!(error instanceof ApiRequestError && error.code === 404)) throw error;
    });
  }

  /** Creates a pod, has it scheduled and runs it. */
  async runPod(template: PodTemplate, options: { readonly timeoutMs?: number } = {}): Promise<RunningPod> {
    const pod = await this.createPod(template);
    return this.kubelet.runPod(pod, options);
  }

  /** Creates a pod and waits until the scheduler has put it on the node. */
  async createPod(template: PodTemplate): Promise<PodManifest> {
    const object = podObject(template);
    await this.create(object);
    return waitUntil(
      `pod ${template.metadata.name} to be scheduled`,
      async () => {
        const pod = await this.get<PodManifest & { spec: { nodeName?: string } }>(object);
        return pod.spec.nodeName === this.nodeName ? pod : undefined;
      },
      { timeoutMs: 20_000 },
    );
  }

  /** Waits for an event of a pod whose reason or message contains a text. */
  async event(pod: PodManifest, text: string, timeoutMs = 20_000): Promise<PodEvent> {
    const events = () => this.kubelet.events(pod.metadata.uid);
    return waitUntil(
      () => `an event with '${text}' of pod ${pod.metadata.name}; it has: ${JSON.stringify(events())}`,
      () => events().find(({ reason, message }) => `${reason} ${message}`.includes(text)),
      { timeoutMs },
    );
  }

  /** Ends a pod on the node and removes its object, which frees its claims. */
  async deletePod(pod: PodManifest): Promise<void> {
    await this.kubelet.deletePod(pod.metadata.uid);
    await this.delete(podObject(pod));
  }

  /** Runs a command in a container of a running pod; throws when it fails. */
  async exec(
    { containers, pod }: RunningPod,
    command: readonly string[],
    container?: string,
  ): Promise<string> {
    const id = containers[container ?? pod.spec.containers[0]?.name ?? ''];
    if (id === undefined) throw new Error(`pod ${pod.metadata.name} has no such container`);
    const { stdout, stderr, exitCode } = await this.containerd.cri.execSync(id, command);
    if (exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${exitCode}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Ends all parts and removes their files. */
  async stop(): Promise<void> {
    await this.kubelet.stop();
    await this.#scheduler.stop();
    await this.containerd.stop({ removePods: true });
    await this.server.stop();
    unmountBelow(this.directory);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function podObject({ metadata, spec }: PodTemplate): KubeObject {
  const { name, namespace = 'default' } = metadata;
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec } as unknown as KubeObject;
}

function kubeletApi(api: LabApiClient): KubeletApi {
  return {
    async getClaim(namespace, name) {
      const path = `/apis/resource.k8s.io/v1/namespaces/${namespace}/resourceclaims/${name}`;
      try {
        return await api.request<ResourceClaim>({ method: 'GET', path });
      } catch (error) {
        if (error instanceof ApiRequestError && error.code === 404) return undefined;
        throw error;
      }
    },
    async wipeResourceSlices(nodeName, driverName) {
      const driver = driverName === undefined ? '' : `,spec.driver=${driverName}`;
      await api.request({
        method: 'DELETE',
        path: '/apis/resource.k8s.io/v1/resourceslices',
        query: { fieldSelector: `spec.nodeName=${nodeName}${driver}` },
      });
    },
  };
}
