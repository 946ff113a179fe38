import type { LabApiClient } from '../apiserver/lab-api-client.ts';
import { timestamp } from '../apiserver/objects/kube-object.ts';
import type { Pod } from '../apiserver/resources/core-strategies.ts';
import type { ObjectCache } from './object-cache.ts';

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
    const { namespace = '', name = '', uid } = pod.metadata;
    this.#pods.put(
      await this.#api.request<Pod>({
        method: 'PATCH',
        path: `/api/v1/namespaces/${namespace}/pods/${name}/status`,
        contentType: 'application/merge-patch+json',
        body: {
          status: { conditions: [...conditions.filter(({ type }) => type !== 'PodScheduled'), condition] },
        },
      }),
    );
    await this.#api.request({
      method: 'POST',
      path: `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
      body: {
        metadata: { generateName: `${name}.` },
        regarding: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
        type: 'Warning',
        reason: 'FailedScheduling',
        action: 'Scheduling',
        // The API takes notes of 1 KiB.
        note: Buffer.from(message).subarray(0, 1000).toString('utf8'),
        eventTime: new Date().toISOString(),
        reportingController: 'default-scheduler',
        reportingInstance: 'lab-scheduler',
      },
    });
  }
}
