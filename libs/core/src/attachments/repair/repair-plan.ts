import type { PodSandbox } from '../../backend/backend.ts';
import type { AttachmentRecord, ClaimRecord } from '../claim-record.ts';
import type { AttachmentState, ClaimState, Leftover, NodeState } from './node-state.ts';

/** One step that brings journal, kernel and runtime together, and why it is taken. */
export type RepairAction =
  | { readonly kind: 'detach'; readonly claim: Claim; readonly sandbox: PodSandbox; readonly reason: string }
  | { readonly kind: 'attach'; readonly claim: Claim; readonly sandbox: PodSandbox; readonly reason: string }
  | {
      /** Brings single devices back into a pod that has the others. */
      readonly kind: 'restore';
      readonly claim: Claim;
      readonly sandbox: PodSandbox;
      readonly interfaceNames: readonly string[];
      readonly reason: string;
    }
  | { readonly kind: 'close gate'; readonly claim: Claim; readonly reason: string }
  | { readonly kind: 'remove'; readonly leftover: Leftover; readonly reason: string };

type Claim = ClaimRecord['claim'];

/**
 * What is to be done so that pods have the devices that they should have, devices whose pods are gone are back, and nothing is left of runs
 * that were cut off. In the order in which it is to be done: first back, then out.
 */
export function planRepair(state: NodeState): RepairAction[] {
  const detaches = state.claims.flatMap((claim) => detachesOf(claim, state));
  const attaches = state.claims.flatMap((claim) => attachesOf(claim, state));
  const gates = state.claims.filter(isNeedlesslyOpen).map(({ record: { claim } }): RepairAction => ({
    kind: 'close gate',
    claim,
    reason: 'the gate is open and the claim is in no pod',
  }));
  const removals = state.leftovers.map((leftover): RepairAction => ({
    kind: 'remove',
    leftover,
    reason: 'no record knows of it',
  }));
  return [...detaches, ...gates, ...attaches, ...removals];
}

function detachesOf(claim: ClaimState, state: NodeState): RepairAction[] {
  return claim.attachments.flatMap((attachment): RepairAction[] => {
    const reason = reasonToDetach(attachment, state);
    if (reason === undefined) return [];
    return [{ kind: 'detach', claim: claim.record.claim, sandbox: attachment.record.sandbox, reason }];
  });
}

/** Why a claim must leave a sandbox; undefined when it may stay. */
function reasonToDetach({ record, alive }: AttachmentState, { runtime }: NodeState): string | undefined {
  if (record.phase === 'detaching') return 'it was on its way back';
  if (!alive) return "the pod's network namespace is gone";
  if (runtime === undefined || (record.since ?? 0) > runtime.asOf) return undefined;
  const runs = runtime.sandboxes.some(({ sandboxId }) => sandboxId === record.sandbox.sandboxId);
  return runs ? undefined : 'the runtime does not run the sandbox any more';
}

function attachesOf(claim: ClaimState, state: NodeState): RepairAction[] {
  const staying = claim.attachments.filter((attachment) => reasonToDetach(attachment, state) === undefined);
  return [
    ...staying.flatMap((attachment) => completionsOf(claim, staying, attachment, state)),
    ...missedBy(claim, staying, state),
  ];
}

function completionsOf(
  { record: { claim }, gateOpen }: ClaimState,
  staying: readonly AttachmentState[],
  { record: { phase, since = 0, sandbox }, astray }: AttachmentState,
  { runtime }: NodeState,
): RepairAction[] {
  if (phase === 'attaching') {
    // A hook may be at it.
    if (runtime !== undefined && since > runtime.asOf) return [];
    return [{ kind: 'attach', claim, sandbox, reason: 'attaching was cut off' }];
  }
  if (!gateOpen && staying.every(({ record }) => record.phase === 'attached')) {
    return [{ kind: 'attach', claim, sandbox, reason: 'the gate is closed' }];
  }
  const interfaceNames = [...astray].filter(([, place]) => place === 'host').map(([name]) => name);
  if (interfaceNames.length === 0) return [];
  return [{ kind: 'restore', claim, sandbox, interfaceNames, reason: 'the pod has lost it' }];
}

/** Pods that run without a claim that is reserved for them: the driver was not there when they were made. */
function missedBy(
  { record: { claim, podUIDs }, shareable }: ClaimState,
  staying: readonly AttachmentState[],
  { runtime }: NodeState,
): RepairAction[] {
  const attached: AttachmentRecord['sandbox'][] = staying.map(({ record }) => record.sandbox);
  const actions: RepairAction[] = [];
  for (const sandbox of runtime?.sandboxes ?? []) {
    if (!podUIDs.includes(sandbox.podUID)) continue;
    // A pod's next sandbox comes after its earlier one, which is gone before.
    if (attached.some(({ podUID }) => podUID === sandbox.podUID)) continue;
    // What cannot be in two pods would be refused, as it was when the pod was made.
    if (attached.length > 0 && !shareable) continue;
    attached.push(sandbox);
    actions.push({ kind: 'attach', claim, sandbox, reason: 'the pod runs without it' });
  }
  return actions;
}

function isNeedlesslyOpen({ gateOpen, attachments }: ClaimState): boolean {
  return gateOpen && attachments.length === 0;
}
