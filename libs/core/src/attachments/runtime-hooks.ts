import type { Container, NriHandlers, PodSandbox as NriPodSandbox } from '@patchbay/nri';
import type { PodSandbox } from '../backend/backend.ts';
import { describeError, NoNetworkNamespaceError, StillAttachingError } from '../errors/driver-errors.ts';
import type { Logger } from '../logging/logger.ts';
import type { ClaimAttacher } from './claim-attacher.ts';
import type { ClaimLedger } from './claim-ledger.ts';
import type { ClaimRecord } from './claim-record.ts';
import type { ContainerGate } from './container-gate.ts';
import { HookDeadline } from './hook-deadline.ts';
import type { Repairer } from './repair/repairer.ts';
import { podSandbox, type RuntimePods } from './repair/runtime-pods.ts';

/** What the {@link runtimeHooks} work with. */
export interface RuntimeHooksOptions {
  readonly ledger: ClaimLedger;
  readonly attacher: ClaimAttacher;
  readonly gate: ContainerGate;
  /** Learns what the runtime runs. */
  readonly pods: RuntimePods;
  readonly repairer: Pick<Repairer, 'repair'>;
  readonly logger: Logger;
  /** Aborted when the driver stops. */
  readonly signal: AbortSignal;
}

/** Attaching that goes on after its hook was answered. */
interface LateAttachment {
  readonly sandboxId: string;
  readonly work: Promise<void>;
  /** Set when the pod has stopped: nothing more is to be attached to it. */
  stopped: boolean;
}

/**
 * The runtime's events, turned into attaching and detaching. Thin and fast: a pod without claims of ours costs one look into a map.
 *
 * Work is finished in the hook, unless it takes long. Then the hook is answered, the work goes on, other pods of the node have their turn, and
 * the gate holds the containers back; one that comes meanwhile is waited for, but not as long as the runtime would wait, then refused.
 */
export function runtimeHooks(options: RuntimeHooksOptions): NriHandlers {
  const { ledger, attacher, gate, pods, repairer, logger, signal } = options;
  const deadline = new HookDeadline();
  const late = new Set<LateAttachment>();

  /** @returns whether it was finished in time */
  async function attachInTime(
    pod: NriPodSandbox,
    claims: readonly ClaimRecord[],
    ms: number,
  ): Promise<boolean> {
    if (claims.length === 0) return true;
    const state = { stopped: false };
    const work = attachPod(pod, claims, state);
    return deadline.wait(work, ms, () => {
      logger.info(
        { podUID: pod.uid, ms },
        'attaching takes long; the hook is answered, and the containers wait',
      );
      const entry: LateAttachment = Object.assign(state, { sandboxId: pod.id, work });
      late.add(entry);
      const forget = () => void late.delete(entry);
      void work.then(forget, forget);
    });
  }

  /** A pod gets all of its claims or none. */
  async function attachPod(
    pod: NriPodSandbox,
    claims: readonly ClaimRecord[],
    state: { readonly stopped: boolean },
  ): Promise<void> {
    const sandbox = sandboxOf(pod);
    const done: string[] = [];
    for (const { claim } of claims) {
      try {
        if (state.stopped) throw new Error('the pod has stopped meanwhile');
        await attacher.attach(claim.uid, sandbox, signal);
        done.push(claim.uid);
      } catch (error) {
        await undo(done, pod, error);
        throw error;
      }
    }
  }

  async function undo(claimUIDs: readonly string[], pod: NriPodSandbox, cause: unknown): Promise<void> {
    const only = { sandboxId: pod.id };
    const results = await Promise.allSettled(
      claimUIDs.toReversed().map((claimUID) => attacher.detach(claimUID, pod.uid, signal, only)),
    );
    const failures = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    if (failures.length > 0) {
      throw new AggregateError([cause, ...failures], 'attaching failed, and undoing it failed too');
    }
  }

  async function detachPod(pod: NriPodSandbox): Promise<void> {
    const attaching = [...late].filter(({ sandboxId }) => sandboxId === pod.id);
    for (const each of attaching) each.stopped = true;
    await Promise.allSettled(attaching.map(({ work }) => work));
    for (const { claim } of ledger.ofPod(pod.uid).toReversed()) {
      // The runtime ignores errors of these hooks; the record says 'detaching', and unprepare or the next Synchronize tries again.
      await logged({ claimUID: claim.uid, podUID: pod.uid }, 'detaching failed; will be tried again', () =>
        attacher.detach(claim.uid, pod.uid, signal, { sandboxId: pod.id }),
      );
    }
  }

  async function detachInTime(pod: NriPodSandbox): Promise<void> {
    pods.delete(pod);
    await deadline.wait(detachPod(pod), deadline.ms, () =>
      logger.warn(
        { podUID: pod.uid, ms: deadline.ms },
        'detaching takes longer than the runtime waits; it goes on',
      ),
    );
  }

  async function logged(fields: object, message: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      logger.error({ ...fields, error: describeError(error) }, message);
    }
  }

  return {
    configure: ({ requestTimeoutMs }) => deadline.set(requestTimeoutMs),

    runPodSandbox: async (pod) => {
      // At once: repair would take devices back from a sandbox that the runtime does not run.
      pods.add(pod);
      try {
        await attachInTime(pod, ledger.ofPod(pod.uid), deadline.sandboxMs);
      } catch (error) {
        pods.delete(pod);
        throw error;
      }
    },
    stopPodSandbox: detachInTime,
    removePodSandbox: detachInTime,

    /** Attaches late what the sandbox hook missed, before the container's gate is mounted, and says that the interfaces are there. */
    createContainer: async (pod, container) => {
      // A sandbox whose hook came before the driver did, and which the runtime did not list yet when it told what it runs.
      pods.add(pod);
      const claims = new Set([...ledger.ofPod(pod.uid), ...claimsOfContainer(options, container)]);
      const missing = [...claims].filter(
        ({ claim, attachments }) =>
          !attachments.some(({ phase, sandbox }) => phase === 'attached' && sandbox.sandboxId === pod.id) ||
          !gate.isOpen(claim),
      );
      if (missing.length > 0) logger.debug({ podUID: pod.uid, claims: missing.length }, 'attaching late');
      if (!(await attachInTime(pod, missing, deadline.ms)))
        throw new StillAttachingError(`${pod.namespace}/${pod.name}`, deadline.ms);
      const needless = new Set([...claims].flatMap((claim) => gate.vouchedFor(claim)));
      const removeMounts = container.mounts
        .map(({ destination }) => destination)
        .filter((path) => needless.has(path));
      return removeMounts.length > 0 ? { removeMounts } : undefined;
    },

    /** Brings what the journal says and what the runtime runs together: after a restart of either. */
    synchronize: async (all) => {
      pods.list(all, Date.now());
      await deadline.wait(repairer.repair('synchronize', signal), deadline.ms, () =>
        logger.warn({ ms: deadline.ms }, 'repairing takes longer than the runtime waits; it goes on'),
      );
    },
  };
}

/** Claims recognised by the gate that the container mounts: of pods that were reserved after the claim was prepared. */
function claimsOfContainer({ ledger, gate }: RuntimeHooksOptions, container: Container): ClaimRecord[] {
  const sources = new Set(
    container.mounts.map(({ source }) => source).filter((source) => gate.isGate(source)),
  );
  if (sources.size === 0) return [];
  return ledger.all().filter(({ claim }) => sources.has(gate.path(claim)));
}

function sandboxOf(pod: NriPodSandbox): PodSandbox {
  const sandbox = podSandbox(pod);
  if (sandbox === undefined) throw new NoNetworkNamespaceError(`${pod.namespace}/${pod.name}`);
  return sandbox;
}
