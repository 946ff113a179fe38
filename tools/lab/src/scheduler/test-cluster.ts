import {
  exampleClaim,
  examplePod,
  exampleSlice,
  PATHS,
  temporaryServer,
} from '../apiserver/example-objects.ts';
import type { LabApiClient } from '../apiserver/lab-api-client.ts';
import type { LabApiServer } from '../apiserver/lab-api-server.ts';
import type { KubeObject } from '../apiserver/objects/kube-object.ts';
import type { Pod } from '../apiserver/resources/core-strategies.ts';
import type { AllocationResult, ResourceClaim } from '../apiserver/resources/resource-claim-schema.ts';
import { waitUntil } from '../waiting/wait-until.ts';
import { LabScheduler } from './lab-scheduler.ts';

const TIMEOUT_MS = 5000;

/** For tests: an API server with a node, a device class `net` and a running scheduler. */
export class TestCluster {
  readonly server: LabApiServer & AsyncDisposable;
  readonly client: LabApiClient;
  /** What the scheduler reported. */
  readonly errors: unknown[] = [];
  readonly #scheduler: LabScheduler;

  private constructor(server: LabApiServer & AsyncDisposable) {
    this.server = server;
    this.client = server.client();
    this.#scheduler = new LabScheduler({
      api: server.client({ userAgent: 'lab-scheduler' }),
      onError: (error) => this.errors.push(error),
    });
  }

  /** Starts everything. */
  static async start(): Promise<TestCluster> {
    const cluster = new TestCluster(await temporaryServer());
    await cluster.#scheduler.start();
    await cluster.post(PATHS.nodes, { metadata: { name: 'node-1' } });
    await cluster.addClass('net');
    return cluster;
  }

  /** Stops everything. */
  async stop(): Promise<void> {
    await this.#scheduler.stop();
    await this.server[Symbol.asyncDispose]();
  }

  /** Creates an object. */
  post<T = KubeObject>(path: string, body: unknown): Promise<T> {
    return this.client.request<T>({ method: 'POST', path, body });
  }

  /** Changes an object with a merge patch. */
  patch(path: string, body: unknown): Promise<KubeObject> {
    return this.client.request({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
  }

  /** Deletes a pod: at once, or with its grace period. */
  deletePod(name: string, body: unknown = { gracePeriodSeconds: 0 }): Promise<KubeObject> {
    return this.client.request({ method: 'DELETE', path: `${PATHS.pods}/${name}`, body });
  }

  /** Creates a device class. */
  addClass(name: string, spec = {}): Promise<KubeObject> {
    return this.post(PATHS.classes, { metadata: { name }, spec });
  }

  /** Creates the one slice of node-1's pool. */
  addDevices(...devices: readonly unknown[]): Promise<KubeObject> {
    return this.post(PATHS.slices, exampleSlice('slice', devices));
  }

  /** Creates a claim. */
  addClaim(name: string, requests?: readonly unknown[], devices = {}): Promise<KubeObject> {
    return this.post(PATHS.claims, exampleClaim(name, requests, devices));
  }

  /** Creates a pod that uses claims. */
  usePod(name: string, ...claims: string[]): Promise<Pod> {
    const references = claims.map((claim) => ({ name: claim, resourceClaimName: claim }));
    return this.post<Pod>(PATHS.pods, examplePod(name, references));
  }

  /** The pod as it is now. */
  getPod(name: string): Promise<Pod> {
    return this.client.request<Pod>({ method: 'GET', path: `${PATHS.pods}/${name}` });
  }

  /** The claim as it is now. */
  getClaim(name: string): Promise<ResourceClaim> {
    return this.client.request<ResourceClaim>({ method: 'GET', path: `${PATHS.claims}/${name}` });
  }

  /** What a claim was given. */
  async results(claim: string): Promise<AllocationResult[]> {
    return (await this.getClaim(claim)).status?.allocation?.devices.results ?? [];
  }

  /** The names of the devices that a claim was given. */
  async devicesOf(claim: string): Promise<string[]> {
    return (await this.results(claim)).map(({ device }) => device);
  }

  /** Waits until something is so. */
  eventually<T>(what: string, condition: () => Promise<T | undefined | false>): Promise<T> {
    return waitUntil(what, condition, { timeoutMs: TIMEOUT_MS });
  }

  /** Waits until a pod has a node, and returns its name. */
  scheduled(name: string): Promise<string> {
    return this.eventually(`pod ${name} on a node`, async () => (await this.getPod(name)).spec.nodeName);
  }

  /** Waits until the message of a pod's PodScheduled=False condition contains some words, and returns it. */
  refused(name: string, words: string): Promise<string> {
    return this.eventually(`pod ${name} refused with ${words}`, async () => {
      const conditions = (await this.getPod(name)).status?.conditions ?? [];
      const condition = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
      const message = condition?.['message'];
      return typeof message === 'string' && message.includes(words) ? message : undefined;
    });
  }
}

/** A request for devices of class `net`. */
export function exactly(more: Record<string, unknown> = {}, name = 'nic'): Record<string, unknown> {
  return { name, exactly: { deviceClassName: 'net', ...more } };
}
