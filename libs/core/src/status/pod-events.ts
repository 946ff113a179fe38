import type { EventRecorder } from '@patchbay/dra';
import type { PodSandbox } from '../backend/backend.ts';

/** Tells users in their pods' events what they must act on, and that it is over. */
export class PodEvents {
  readonly #recorder: Pick<EventRecorder, 'record'>;

  /** @param recorder writes in the background, counts repetitions and bounds their rate */
  constructor(recorder: Pick<EventRecorder, 'record'>) {
    this.#recorder = recorder;
  }

  /**
   * Tells of something that a user must act on.
   *
   * @param reason one CamelCase word for programs
   * @param action what the driver was doing, one CamelCase word
   * @param note what is wrong and what to do
   */
  warn(sandbox: PodSandbox, reason: string, action: string, note: string): void {
    this.#record('Warning', sandbox, reason, action, note);
  }

  /** Tells that something is well again; as {@link warn}. */
  tell(sandbox: PodSandbox, reason: string, action: string, note: string): void {
    this.#record('Normal', sandbox, reason, action, note);
  }

  #record(
    type: 'Normal' | 'Warning',
    { podUID, podName, podNamespace }: PodSandbox,
    reason: string,
    action: string,
    note: string,
  ): void {
    const regarding = { apiVersion: 'v1', kind: 'Pod', namespace: podNamespace, name: podName, uid: podUID };
    this.#recorder.record({ regarding, type, reason, action, note });
  }
}
