import {
  type AttachmentState,
  type ClaimRecord,
  type ClaimState,
  type DeviceRecord,
  type NodeState,
  planRepair,
  type RepairAction,
} from '@patchbay/core';
import { openAttachments } from './open-attachments.ts';
import { inWords } from './repair-in-words.ts';
import { tableOf } from './table.ts';

/** A device of a prepared claim, and what the journal and the kernel say of it. */
interface AttachmentLine {
  readonly claim: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly request: string;
  readonly backend: string;
  readonly device: string;
  readonly interfaceName: string;
  /** The pod that it is in, or on its way to or from. */
  readonly pod?: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly sandboxId: string;
    readonly networkNamespacePath: string;
  };
  /** What it holds from ranges of the configuration and from DHCP servers. */
  readonly addresses: readonly HeldAddress[];
  /** `prepared` before it is in any pod; `admin access` when it never will be. */
  readonly phase: AttachmentState['record']['phase'] | 'prepared' | 'admin access';
  /** Whether containers that use the claim may start. */
  readonly gate: 'open' | 'closed';
  /** When the phase began (RFC 3339); absent in records of older versions. */
  readonly since?: string;
  /** What is missing or wrong, and what repair would do. */
  readonly problems: readonly string[];
}

/** An address that is given back when the claim is unprepared. */
type HeldAddress =
  | { readonly address: string; readonly range: string }
  | { readonly address: string; readonly server: string };

/** `patchbay attachments`: prints which device is in which pod, and what is wrong with that. Changes nothing. */
export async function attachments(options: {
  readonly config: string;
  readonly output: string;
}): Promise<void> {
  using opened = openAttachments(options.config);
  const state: NodeState = (await opened?.repair.inspector.inspect(AbortSignal.timeout(30_000))) ?? {
    ...{ claims: [], leftovers: [], runtime: undefined },
  };
  const plan = planRepair(state);
  const lines = attachmentLines(state, plan);
  const leftovers = plan.filter(({ kind }) => kind === 'remove').map(inWords);
  if (options.output === 'json') {
    console.log(JSON.stringify({ attachments: lines, leftovers }, null, 2));
    return;
  }
  console.log(lines.length > 0 ? table(lines) : 'No claim is prepared on this node.');
  for (const leftover of leftovers) console.log(`left of earlier runs: ${leftover}`);
}

/** A line for each device of each claim and each pod that it is in. */
function attachmentLines(state: NodeState, plan: readonly RepairAction[]): AttachmentLine[] {
  return state.claims.flatMap((claim) =>
    claim.record.devices.flatMap((device) =>
      device.adminAccess || claim.attachments.length === 0
        ? [lineOf(claim, device, undefined, plan)]
        : claim.attachments.map((attachment) => lineOf(claim, device, attachment, plan)),
    ),
  );
}

function lineOf(
  { record, gateOpen }: ClaimState,
  device: DeviceRecord,
  attachment: AttachmentState | undefined,
  plan: readonly RepairAction[],
): AttachmentLine {
  const sandbox = attachment?.record.sandbox;
  const since = attachment === undefined ? record.preparedAt : attachment.record.since;
  return {
    claim: record.claim,
    request: device.request,
    backend: device.kind,
    device: device.device.name,
    interfaceName: device.interfaceName,
    ...(sandbox && {
      pod: {
        namespace: sandbox.podNamespace,
        name: sandbox.podName,
        uid: sandbox.podUID,
        sandboxId: sandbox.sandboxId,
        networkNamespacePath: sandbox.networkNamespacePath,
      },
    }),
    addresses: heldAddresses(device),
    phase: attachment?.record.phase ?? (device.adminAccess ? 'admin access' : 'prepared'),
    gate: gateOpen ? 'open' : 'closed',
    ...(since === undefined ? {} : { since: new Date(since).toISOString() }),
    problems: [...failureOf(record, attachment), ...problemsOf(record.claim.uid, device, attachment, plan)],
  };
}

function heldAddresses({ addresses = [], leases = [] }: DeviceRecord): HeldAddress[] {
  return [...addresses, ...leases.map(({ lease: { address, server } }) => ({ address, server }))];
}

/** What failed last, on the lines of the pod with which it did, or on all if the claim is not in that. */
function failureOf({ failure, attachments }: ClaimRecord, attachment: AttachmentState | undefined): string[] {
  if (failure === undefined) return [];
  const { doing, pod, at, message } = failure;
  const isRecorded = attachments.some(({ sandbox }) => sandbox.podUID === pod.uid);
  if (isRecorded && attachment?.record.sandbox.podUID !== pod.uid) return [];
  const preposition = doing === 'attaching' ? 'to' : 'from';
  return [
    `${doing} ${preposition} pod ${pod.namespace}/${pod.name} failed at ${new Date(at).toISOString()}: ${message}`,
  ];
}

function problemsOf(
  claimUID: string,
  { interfaceName }: DeviceRecord,
  attachment: AttachmentState | undefined,
  plan: readonly RepairAction[],
): string[] {
  const actions = plan.filter((action) => {
    if (action.kind === 'remove' || action.claim.uid !== claimUID) return false;
    if ('interfaceNames' in action && !action.interfaceNames.includes(interfaceName)) return false;
    return (
      !('sandbox' in action) ||
      attachment === undefined ||
      action.sandbox.podUID === attachment.record.sandbox.podUID
    );
  });
  const isNowhere = attachment?.astray.get(interfaceName) === 'nowhere';
  return [
    ...(isNowhere ? ['neither in the pod nor on the host: unplugged, or taken by somebody else'] : []),
    ...actions.map(inWords),
  ];
}

function table(lines: readonly AttachmentLine[]): string {
  return tableOf(
    ['CLAIM', 'REQUEST', 'DEVICE', 'POD', 'INTERFACE', 'HOLDS', 'PHASE', 'SINCE', 'GATE', 'PROBLEMS'],
    lines.map((line) => [
      `${line.claim.namespace}/${line.claim.name}`,
      line.request,
      `${line.backend}/${line.device}`,
      line.pod === undefined ? '' : `${line.pod.namespace}/${line.pod.name}`,
      line.interfaceName,
      line.addresses
        .map((held) => `${held.address} (${'range' in held ? `range ${held.range}` : `from ${held.server}`})`)
        .join('\n'),
      line.phase,
      line.since ?? '',
      line.gate,
      line.problems.join('\n'),
    ]),
  );
}
