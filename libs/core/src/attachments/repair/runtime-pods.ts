import type { PodSandbox as NriPodSandbox } from '@patchbay/nri';
import type { PodSandbox } from '../../backend/backend.ts';
import { durableNamespacePath } from '../../links/durable-namespace-path.ts';
import type { RunningSandboxes } from './node-state.ts';

/**
 * Of an event that another instance has been told, this one hears within milliseconds; after so long, in milliseconds, what it has not heard
 * of is not there.
 */
const slowestEventMs = 10_000;

/** Which pods the runtime runs, by its events. */
export class RuntimePods {
  #pods: Map<string, PodSandbox> | undefined;
  #listedAt = 0;

  /** Takes up all that the runtime has. Those without a network namespace of their own can have no devices. */
  list(pods: readonly NriPodSandbox[], at: number): void {
    this.#listedAt = at;
    this.#pods = new Map();
    for (const pod of pods) this.add(pod);
  }

  /** A pod has come. */
  add(pod: NriPodSandbox): void {
    if (this.#pods === undefined) return;
    const sandbox = podSandbox(pod);
    if (sandbox !== undefined) this.#pods.set(pod.id, sandbox);
  }

  /** A pod's sandbox has ended. */
  delete({ id }: NriPodSandbox): void {
    this.#pods?.delete(id);
  }

  /** The runtime tells no more what it runs. */
  forget(): void {
    this.#pods = undefined;
  }

  /** @returns undefined when the runtime is not connected */
  get running(): RunningSandboxes | undefined {
    if (this.#pods === undefined) return undefined;
    const asOf = Math.max(this.#listedAt, Date.now() - slowestEventMs);
    return { sandboxes: [...this.#pods.values()], asOf };
  }
}

/** The sandbox of a pod as backends know it; undefined when the pod has no network namespace of its own, or none any more. */
export function podSandbox(pod: NriPodSandbox): PodSandbox | undefined {
  if (pod.networkNamespacePath === undefined) return undefined;
  return {
    podUID: pod.uid,
    podName: pod.name,
    podNamespace: pod.namespace,
    sandboxId: pod.id,
    networkNamespacePath: durableNamespacePath(pod.networkNamespacePath),
  };
}
