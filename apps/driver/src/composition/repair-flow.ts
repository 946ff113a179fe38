import {
  type BackendRegistry,
  type KnownLinks,
  NodeInspector,
  Repairer,
  RuntimePods,
  stateLeftovers,
} from '@patchbay/core';
import type { ClaimFlow } from './claim-flow.ts';
import type { ClaimMemory } from './claim-memory.ts';
import type { DriverOptions } from './driver-options.ts';

/** What brings journal, kernel and runtime together. */
export interface RepairFlow {
  /** What the runtime runs. */
  readonly pods: RuntimePods;
  readonly inspector: NodeInspector;
  readonly repairer: Repairer;
}

/**
 * Wires repair.
 *
 * @param links knows how links in pods are; without it the kernel is asked for each
 */
export function repairFlow(
  { logger: parent, metrics }: Pick<DriverOptions, 'logger'> & Partial<Pick<DriverOptions, 'metrics'>>,
  backends: BackendRegistry,
  { ledger, gate, cdi, metadata }: ClaimMemory,
  { attacher, locks: claims }: Pick<ClaimFlow, 'attacher' | 'locks'>,
  links?: KnownLinks,
): RepairFlow {
  const logger = parent.child({ component: 'repair' });
  const pods = new RuntimePods();
  const inspector = new NodeInspector({
    ...{ ledger, attacher, gate, backends, logger },
    sources: [stateLeftovers({ ledger, gate, claims, files: { 'CDI spec': cdi, metadata } })],
    runtime: () => pods.running,
    ...(links === undefined ? {} : { links }),
  });
  const repairer = new Repairer({
    ...{ inspector, ledger, attacher, gate, claims, logger },
    onOutcome: (outcome, occasion) => metrics?.observeRepair(outcome, occasion),
  });
  return { pods, inspector, repairer };
}
