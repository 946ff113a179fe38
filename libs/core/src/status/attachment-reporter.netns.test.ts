import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClaimDeviceStatus, DeviceMetadata } from '@patchbay/dra';
import { linkSet, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClaimRecord, DeviceRecord } from '../attachments/claim-record.ts';
import type { PodSandbox } from '../backend/backend.ts';
import { silentLogger } from '../logging/logger.ts';
import { AttachmentReporter } from './attachment-reporter.ts';
import { PodEvents } from './pod-events.ts';

const device: DeviceRecord = {
  kind: 'fake',
  pool: 'node/fake',
  device: { name: 'blue', identity: 'fake/blue', attributes: {} },
  request: 'req',
  adminAccess: false,
  interfaceName: 'net1',
  prepared: {},
};

let directory: string;
const pods: PodSandbox[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'attachment-reporter-'));
});
afterEach(() => {
  for (const { networkNamespacePath } of pods.splice(0)) NetworkNamespace.unpin(networkNamespacePath);
  rmSync(directory, { recursive: true });
});

/** A pod that has the device's link, with a hardware address of its own. */
function podWith(podName: string, address: string): PodSandbox {
  const networkNamespacePath = join(directory, podName);
  const sandbox = {
    podUID: podName,
    podName,
    podNamespace: 'default',
    sandboxId: podName,
    networkNamespacePath,
  };
  using namespace = NetworkNamespace.create();
  namespace.pin(networkNamespacePath);
  pods.push(sandbox);
  using socket = RouteSocket.open({ namespace });
  socket.createLink({ name: 'net1', kind: { kind: 'veth', peer: { name: 'port' } }, address });
  return sandbox;
}

function attachedTo(...sandboxes: readonly PodSandbox[]): ClaimRecord {
  return {
    version: 1,
    bootId: 'boot',
    claim: { uid: 'c1', namespace: 'default', name: 'c1' },
    podUIDs: ['p1', 'p2'],
    devices: [device],
    attachments: sandboxes.map((sandbox) => ({ phase: 'attached', sandbox })),
  };
}

/** A reporter, and the latest that the claim's status and the containers' files were told. */
function reporting() {
  let status: readonly ClaimDeviceStatus[] = [];
  let files: readonly DeviceMetadata[] = [];
  const reporter = new AttachmentReporter({
    status: { set: (_claim, devices) => void (status = devices) },
    metadata: { update: async (_uid, devices) => void (files = devices) },
    events: new PodEvents({ record: () => {} }),
    links: { follow: () => {}, leave: () => {} },
    logger: silentLogger,
  });
  const told = () => [status[0]?.conditions[0]?.message, status[0]?.networkData, files[0]?.networkData];
  return { reporter, told };
}

describe('AttachmentReporter', () => {
  it('tells of a claim in several pods what is the same in all, and of one in a single pod all', () => {
    const [first, second] = [podWith('p1', '02:00:00:00:00:01'), podWith('p2', '02:00:00:00:00:02')];
    const { reporter, told } = reporting();
    const whole = (hardwareAddress: string) => ({ interfaceName: 'net1', hardwareAddress });
    reporter.claimAttached(attachedTo(first), first, []);
    const ofFirst = whole('02:00:00:00:00:01');
    expect(told()).toEqual(['in pod default/p1', ofFirst, ofFirst]);
    reporter.claimAttached(attachedTo(first, second), second, []);
    const common = { interfaceName: 'net1' };
    expect(told()).toEqual(['in pods default/p1, default/p2', common, common]);
    reporter.claimDetached(attachedTo(second), first);
    const ofSecond = whole('02:00:00:00:00:02');
    expect(told()).toEqual(['in pod default/p2', ofSecond, ofSecond]);
    reporter.claimDetached(attachedTo(), second);
    expect(told().slice(0, 2)).toEqual([
      'pod default/p2 has stopped; the driver has taken the device back',
      undefined,
    ]);
  });

  it('finds a link again that its pod has renamed, by the index that it was attached with', () => {
    const pod = podWith('p1', '02:00:00:00:00:01');
    using namespace = NetworkNamespace.open(pod.networkNamespacePath);
    using socket = RouteSocket.open({ namespace });
    const { index = 0 } = socket.link({ name: 'net1' }) ?? {};
    socket.execute(linkSet(index, { name: 'renamed' }));
    const record = attachedTo(pod);
    const attachments = record.attachments.map((each) => ({ ...each, linkIndexes: { net1: index } }));
    const { reporter, told } = reporting();
    reporter.claimAttached({ ...record, attachments }, pod, []);
    const link = { interfaceName: 'renamed', hardwareAddress: '02:00:00:00:00:01' };
    expect(told()).toEqual(['in pod default/p1', link, link]);
  });
});
