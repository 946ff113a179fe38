import type { LabApiClient } from '../apiserver/lab-api-client.ts';
import { timestamp } from '../apiserver/objects/kube-object.ts';
import type { Pod } from '../apiserver/resources/core-strategies.ts';
import type { ObjectCache } from './object-cache.ts';
import { podPath } from './pod-claims.ts';
import { recordPodEvent } from './pod-event.ts';

/** Tells the people who wait for a pod why it is not scheduled: its PodScheduled condition, and an event. */
export class SchedulingReport {
  readonly #api: LabApiClient;
  readonly #pods: ObjectCache<Pod>;

  constructor(api: LabApiClient, pods: ObjectCache<Pod>) {
    this.#api = api;
    this.#pods = pods;
  }

  /** Writes condition and event, when they would say something new. */
  async unschedulable(pod: Pod, message: string): Promise<void> {
    const conditions = pod.status?.conditions ?? [];
    const present = conditions.find(({ type }) => type === 'PodScheduled');
    if (present?.status === 'False' && present['message'] === message) return;
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastTransitionTime: timestamp(),
    };
    this.#pods.put(
      await this.#api.request<Pod>({
        method: 'PATCH',
        path: `${podPath(pod)}/status`,
        contentType: 'application/merge-patch+json',
        body: {
          status: { conditions: [...conditions.filter(({ type }) => type !== 'PodScheduled'), condition] },
        },
      }),
    );
    await recordPodEvent(this.#api, pod, {
      type: 'Warning',
      reason: 'FailedScheduling',
      action: 'Scheduling',
      note: message,
      reportingController: 'default-scheduler',
    });
  }
}
