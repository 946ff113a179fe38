import type { Container, NriHandlers, PodSandbox as NriPodSandbox } from '@patchbay/nri';
import type { PodSandbox } from '../backend/backend.ts';
import { describeError, NoNetworkNamespaceError } from '../errors/driver-errors.ts';
import { durableNamespacePath } from '../links/durable-namespace-path.ts';
import type { Logger } from '../logging/logger.ts';
import type { ClaimAttacher } from './claim-attacher.ts';
import type { ClaimLedger } from './claim-ledger.ts';
import type { ClaimRecord } from './claim-record.ts';
import type { ContainerGate } from './container-gate.ts';

/** What the {@link runtimeHooks} work with. */
export interface RuntimeHooksOptions {
  readonly ledger: ClaimLedger;
  readonly attacher: ClaimAttacher;
  readonly gate: ContainerGate;
  readonly logger: Logger;
  /** Aborted when the driver stops. */
  readonly signal: AbortSignal;
}

/**
 * The runtime's events, turned into attaching and detaching. Thin and fast: a pod without claims of ours costs one look into a map.
 */
export function runtimeHooks(options: RuntimeHooksOptions): NriHandlers {
  const { ledger, attacher, logger, signal } = options;

  async function attachPod(
    pod: NriPodSandbox,
    claims: readonly ClaimRecord[],
    verify: boolean,
  ): Promise<void> {
    if (claims.length === 0) return;
    const sandbox = sandboxOf(pod);
    const done: string[] = [];
    for (const { claim } of claims) {
      try {
        await attacher.attach(claim.uid, sandbox, { signal, verify });
        done.push(claim.uid);
      } catch (error) {
        await undo(done, pod.uid, error);
        throw error;
      }
    }
  }

  /** A pod gets all of its claims or none. */
  async function undo(claimUIDs: readonly string[], podUID: string, cause: unknown): Promise<void> {
    const results = await Promise.allSettled(
      claimUIDs.toReversed().map((claimUID) => attacher.detach(claimUID, podUID, signal)),
    );
    const failures = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    if (failures.length > 0)
      throw new AggregateError([cause, ...failures], 'attaching failed, and undoing it failed too');
  }

  async function detachPod(podUID: string): Promise<void> {
    for (const { claim } of ledger.ofPod(podUID).toReversed()) {
      try {
        await attacher.detach(claim.uid, podUID, signal);
      } catch (error) {
        // The runtime ignores errors of these hooks; the record says 'detaching', and unprepare or the next Synchronize tries again.
        logger.error(
          { claimUID: claim.uid, podUID, error: describeError(error) },
          'detaching failed; will be tried again',
        );
      }
    }
  }

  return {
    runPodSandbox: (pod) => attachPod(pod, ledger.ofPod(pod.uid), false),
    stopPodSandbox: (pod) => detachPod(pod.uid),
    removePodSandbox: (pod) => detachPod(pod.uid),

    /** Attaches late what the sandbox hook missed, before the container's gate is mounted. */
    createContainer: async (pod, container) => {
      const claims = new Set([...ledger.ofPod(pod.uid), ...claimsOfContainer(options, container)]);
      const missing = [...claims].filter(
        ({ attachments }) =>
          !attachments.some(({ phase, sandbox }) => phase === 'attached' && sandbox.sandboxId === pod.id),
      );
      if (missing.length > 0) logger.warn({ podUID: pod.uid, claims: missing.length }, 'attaching late');
      await attachPod(pod, missing, false);
    },

    /** Brings what the journal says and what the runtime runs together: after a restart of either. */
    synchronize: async (pods) => {
      const running = new Map(pods.map((pod) => [pod.id, pod]));
      for (const record of ledger.all()) {
        for (const { sandbox } of record.attachments) {
          if (!running.has(sandbox.sandboxId)) await detachGone(record, sandbox.podUID);
        }
      }
      for (const pod of pods.filter(({ networkNamespacePath }) => networkNamespacePath !== undefined)) {
        try {
          await attachPod(pod, ledger.ofPod(pod.uid), true);
        } catch (error) {
          logger.error({ podUID: pod.uid, error: describeError(error) }, 'repairing a running pod failed');
        }
      }
    },
  };

  async function detachGone(record: ClaimRecord, podUID: string): Promise<void> {
    try {
      await attacher.detach(record.claim.uid, podUID, signal);
    } catch (error) {
      logger.error(
        { claimUID: record.claim.uid, error: describeError(error) },
        'bringing back a gone pod failed',
      );
    }
  }
}

/** Claims recognised by the gate that the container mounts: of pods that were reserved after the claim was prepared. */
function claimsOfContainer({ ledger, gate }: RuntimeHooksOptions, container: Container): ClaimRecord[] {
  const sources = new Set(container.mounts.map(({ source }) => source));
  return ledger.all().filter(({ claim }) => sources.has(gate.path(claim)));
}

function sandboxOf(pod: NriPodSandbox): PodSandbox {
  if (pod.networkNamespacePath === undefined)
    throw new NoNetworkNamespaceError(`${pod.namespace}/${pod.name}`);
  return {
    podUID: pod.uid,
    podName: pod.name,
    podNamespace: pod.namespace,
    sandboxId: pod.id,
    networkNamespacePath: durableNamespacePath(pod.networkNamespacePath),
  };
}
