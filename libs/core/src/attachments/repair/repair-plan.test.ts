import { describe, expect, it } from 'vitest';
import type { DevicePlace, PodSandbox } from '../../backend/backend.ts';
import type { AttachmentRecord, ClaimRecord } from '../claim-record.ts';
import type { AttachmentState, ClaimState, NodeState } from './node-state.ts';
import { planRepair, type RepairAction } from './repair-plan.ts';

const now = 1_000_000;

function sandbox(podUID: string, sandboxId = `sandbox-${podUID}`): PodSandbox {
  return {
    podUID,
    sandboxId,
    podName: podUID,
    podNamespace: 'default',
    networkNamespacePath: `/run/netns/${sandboxId}`,
  };
}

interface AttachmentFacts extends Partial<Omit<AttachmentState, 'record'>> {
  readonly phase?: AttachmentRecord['phase'];
  readonly since?: number;
  readonly sandboxId?: string;
}

function attached(podUID: string, facts: AttachmentFacts = {}): AttachmentState {
  const { phase = 'attached', since = 0, sandboxId, alive = true, astray = new Map() } = facts;
  return { record: { phase, since, sandbox: sandbox(podUID, sandboxId) }, alive, astray };
}

function claim(
  uid: string,
  attachments: readonly AttachmentState[],
  facts: Partial<ClaimState> & { readonly podUIDs?: readonly string[] } = {},
): ClaimState {
  const { podUIDs = ['p1'], gateOpen = attachments.length > 0, shareable = false } = facts;
  const record = {
    claim: { uid, namespace: 'default', name: uid },
    podUIDs,
    attachments: attachments.map((each) => each.record),
  } as unknown as ClaimRecord;
  return { record, attachments, gateOpen, shareable };
}

function plan(
  claims: readonly ClaimState[],
  running: readonly PodSandbox[] | 'not connected' = [sandbox('p1')],
  leftovers: NodeState['leftovers'] = [],
): string[] {
  const runtime = running === 'not connected' ? undefined : { sandboxes: running, asOf: now };
  return planRepair({ claims, runtime, leftovers }).map(inWords);
}

function inWords(action: RepairAction): string {
  if (action.kind === 'remove') return `remove ${action.leftover.what} ${action.leftover.name}`;
  const where = 'sandbox' in action ? ` ${action.sandbox.sandboxId}` : '';
  const what = 'interfaceNames' in action ? ` ${action.interfaceNames.join()}` : '';
  return `${action.kind} ${action.claim.uid}${where}${what}: ${action.reason}`;
}

describe('nothing is done', () => {
  it('where journal, kernel and runtime agree', () => {
    expect(plan([claim('c1', [attached('p1')]), claim('c2', [], { podUIDs: ['p9'] })])).toEqual([]);
  });

  it('about a pod of which the runtime has not told, or not told yet', () => {
    expect(plan([claim('c1', [attached('p1')])], 'not connected')).toEqual([]);
    expect(plan([claim('c1', [attached('p1', { since: now + 1 })])], [])).toEqual([]);
  });

  it('about a hook that may be under way', () => {
    const underWay = attached('p1', { phase: 'attaching', since: now + 1 });
    expect(plan([claim('c1', [underWay], { gateOpen: false })])).toEqual([]);
  });

  it('about a device that is nowhere, or of which nothing is known', () => {
    const astray = new Map<string, Exclude<DevicePlace, 'pod'>>([['fast0', 'nowhere']]);
    expect(plan([claim('c1', [attached('p1', { astray })])])).toEqual([]);
  });

  it('about the gate of a claim that is on its way to another pod', () => {
    const claims = [
      claim('c1', [attached('p1'), attached('p2', { phase: 'attaching', since: now + 1 })], {
        gateOpen: false,
        shareable: true,
      }),
    ];
    expect(plan(claims, [sandbox('p1'), sandbox('p2')])).toEqual([]);
  });
});

describe('devices come back', () => {
  it.each([
    ['whose pod is gone', attached('p1'), [], 'the runtime does not run the sandbox any more'],
    [
      'whose pod has another sandbox since',
      attached('p1', { sandboxId: 'old' }),
      [],
      'the runtime does not run the sandbox any more',
    ],
    [
      'whose namespace is gone',
      attached('p1', { alive: false }),
      'not connected' as const,
      "the pod's network namespace is gone",
    ],
    [
      'that were on their way back',
      attached('p1', { phase: 'detaching' }),
      'not connected' as const,
      'it was on its way back',
    ],
    [
      'that were on their way to a pod that is gone',
      attached('p1', { phase: 'attaching' }),
      [],
      'the runtime does not run the sandbox any more',
    ],
  ])('%s', (_what, attachment, running, reason) => {
    expect(plan([claim('c1', [attachment])], running)).toEqual([
      `detach c1 ${attachment.record.sandbox.sandboxId}: ${reason}`,
    ]);
  });

  it('before they are attached to the next sandbox of the pod', () => {
    expect(plan([claim('c1', [attached('p1', { sandboxId: 'old' })])])).toEqual([
      'detach c1 old: the runtime does not run the sandbox any more',
      'attach c1 sandbox-p1: the pod runs without it',
    ]);
  });
});

describe('pods get what they should have', () => {
  it('that run without a claim reserved for them', () => {
    expect(plan([claim('c1', [])])).toEqual(['attach c1 sandbox-p1: the pod runs without it']);
  });

  it('one of them, when a claim cannot be in two; all, when it can', () => {
    const podUIDs = ['p1', 'p2'];
    const running = podUIDs.map((uid) => sandbox(uid));
    expect(plan([claim('c1', [attached('p1')], { podUIDs })], running)).toEqual([]);
    expect(plan([claim('c1', [], { podUIDs })], running)).toHaveLength(1);
    expect(plan([claim('c1', [], { podUIDs, shareable: true })], running)).toHaveLength(2);
  });

  it('of which attaching was cut off, also before the runtime is there', () => {
    const cutOff = claim('c1', [attached('p1', { phase: 'attaching' })], { gateOpen: false });
    for (const running of ['not connected' as const, [sandbox('p1')]]) {
      expect(plan([cutOff], running)).toEqual(['attach c1 sandbox-p1: attaching was cut off']);
    }
  });

  it('whose gate is closed although they have all', () => {
    expect(plan([claim('c1', [attached('p1')], { gateOpen: false })])).toEqual([
      'attach c1 sandbox-p1: the gate is closed',
    ]);
  });

  it('of which single links have vanished that can be brought again', () => {
    const astray = new Map<string, Exclude<DevicePlace, 'pod'>>([
      ['blue0', 'host'],
      ['fast0', 'nowhere'],
    ]);
    expect(plan([claim('c1', [attached('p1', { astray })])])).toEqual([
      'restore c1 sandbox-p1 blue0: the pod has lost it',
    ]);
  });
});

describe('what is left of runs that were cut off', () => {
  it('gates of claims that are in no pod are closed before anything is attached, and what no record knows of goes last', () => {
    const leftover = { what: 'CDI spec', name: 'c9', remove: async () => {} };
    const claims = [claim('c1', [], { podUIDs: [], gateOpen: true }), claim('c2', [])];
    expect(plan(claims, [sandbox('p1')], [leftover])).toEqual([
      'close gate c1: the gate is open and the claim is in no pod',
      'attach c2 sandbox-p1: the pod runs without it',
      'remove CDI spec c9',
    ]);
  });
});
