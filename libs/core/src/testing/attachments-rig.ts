import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AllocatedClaim, CdiDevice } from '@patchbay/dra';
import type { Container, PodSandbox } from '@patchbay/nri';
import { ClaimAttacher } from '../attachments/claim-attacher.ts';
import { ClaimJournal } from '../attachments/claim-journal.ts';
import { ClaimLedger } from '../attachments/claim-ledger.ts';
import { ClaimLocks } from '../attachments/claim-locks.ts';
import { ClaimPreparer } from '../attachments/claim-preparer.ts';
import { ContainerGate } from '../attachments/container-gate.ts';
import { NodeInspector } from '../attachments/repair/node-inspector.ts';
import { Repairer } from '../attachments/repair/repairer.ts';
import { RuntimePods } from '../attachments/repair/runtime-pods.ts';
import { stateLeftovers } from '../attachments/repair/state-leftovers.ts';
import { runtimeHooks } from '../attachments/runtime-hooks.ts';
import { soleInstance } from '../attachments/state-locks.ts';
import { BackendRegistry } from '../backend/backend-registry.ts';
import { InterfaceParameters } from '../interfaces/interface-parameters.ts';
import { Inventory } from '../inventory/inventory.ts';
import { silentLogger } from '../logging/logger.ts';
import type { FakeBackend } from './fake-backend.ts';

/** A node's state directory, on which the driver lives one life after the other, or two at a time. */
export class AttachmentsRig {
  readonly directory = mkdtempSync(join(tmpdir(), 'attachments-'));
  /** Paths of namespaces that are gone. */
  readonly dead = new Set<string>();

  /** One life of the driver on the state in `directory`; a second one is what a restart, or a rolling update, sees. */
  begin(backend: FakeBackend, { bootId = 'boot', kind = 'fake', locks = soleInstance } = {}) {
    const backends = new BackendRegistry([{ kind, backend }]);
    const ledger = new ClaimLedger(new ClaimJournal(join(this.directory, 'claims'), silentLogger));
    ledger.load(bootId);
    const gate = new ContainerGate(join(this.directory, 'gates'));
    const claims = new ClaimLocks(locks);
    const events: string[] = [];
    const observer = {
      claimAttached: ({ claim }: { claim: { uid: string } }) => void events.push(`attached ${claim.uid}`),
      claimAttachFailed: ({ claim }: { claim: { uid: string } }) => void events.push(`failed ${claim.uid}`),
      claimDetached: ({ claim }: { claim: { uid: string } }) => void events.push(`detached ${claim.uid}`),
      claimPrepareFailed: ({ uid }: { uid: string }) => void events.push(`not prepared ${uid}`),
      claimDetachFailed: ({ claim }: { claim: { uid: string } }) =>
        void events.push(`not detached ${claim.uid}`),
    };
    const attacher = new ClaimAttacher({
      backends,
      ledger,
      gate,
      claims,
      observer,
      logger: silentLogger,
      isAlive: ({ networkNamespacePath }) => !this.dead.has(networkNamespacePath),
    });
    const cdi = new Map<string, { devices: readonly CdiDevice[]; mounts: readonly string[] }>();
    const preparer = new ClaimPreparer({
      nodeName: 'node',
      bootId,
      backends,
      inventory: new Inventory({ backends, heldDevices: () => [], logger: silentLogger }),
      parameters: new InterfaceParameters(new Map()),
      ledger,
      attacher,
      gate,
      claims,
      logger: silentLogger,
      observer,
      metadata: { write: async () => [], remove: async () => {} },
      cdi: {
        write: async (uid, devices, { mounts = [] }) => {
          cdi.set(uid, { devices, mounts: mounts.map(({ hostPath }) => hostPath) });
          return devices.map(({ name }) => `patchbay.dev/claim=${uid}-${name}`);
        },
        remove: async (uid) => void cdi.delete(uid),
      },
    });
    const { signal } = new AbortController();
    const pods = new RuntimePods();
    const files = {
      'CDI spec': { list: async () => [...cdi.keys()], remove: async (uid: string) => void cdi.delete(uid) },
    };
    const inspector = new NodeInspector({
      ...{ ledger, attacher, gate, backends, logger: silentLogger },
      sources: [stateLeftovers({ ledger, gate, claims, files })],
      runtime: () => pods.running,
    });
    const repairer = new Repairer({ inspector, ledger, attacher, gate, claims, logger: silentLogger });
    const hooks = runtimeHooks({ ledger, attacher, gate, pods, repairer, logger: silentLogger, signal });
    const prepare = (claim: AllocatedClaim) => preparer.prepareClaim(claim, signal);
    const unprepare = (uid: string) =>
      preparer.unprepareClaim({ uid, namespace: 'default', name: uid }, signal);
    /** Waits for what goes on after an answer. */
    const settled = (uid: string) => claims.run(uid, async () => {});
    const isOpen = (uid: string) => existsSync(gate.path({ uid, namespace: 'default', name: uid }));
    return { backend, ledger, gate, cdi, hooks, pods, repairer, events, prepare, unprepare, settled, isOpen };
  }

  /** Forgets everything. */
  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }
}

/** A claim for devices of backend `fake`, a request for each. */
export function claim(
  uid: string,
  devices: readonly string[],
  options: { pods?: string[]; interface?: object } = {},
): AllocatedClaim {
  return {
    uid,
    namespace: 'default',
    name: uid,
    reservedFor: (options.pods ?? ['p1']).map((pod) => ({ resource: 'pods', name: pod, uid: pod })),
    devices: devices.map((device) => ({
      request: `req-${device}`,
      pool: 'node/fake',
      device,
      adminAccess: false,
      configs:
        options.interface === undefined
          ? []
          : [
              {
                source: 'FromClaim',
                parameters: {
                  apiVersion: 'patchbay.dev/v1alpha1',
                  kind: 'InterfaceConfig',
                  interface: options.interface,
                },
              },
            ],
    })),
  };
}

/** A pod's sandbox as the runtime tells of it. */
export function pod(
  uid: string,
  id = `sandbox-${uid}`,
  networkNamespacePath: string | undefined = `/run/netns/${id}`,
): PodSandbox {
  return {
    id,
    uid,
    name: uid,
    namespace: 'default',
    labels: {},
    annotations: {},
    runtimeHandler: '',
    ips: [],
    ...(networkNamespacePath === undefined ? {} : { networkNamespacePath }),
  } as unknown as PodSandbox;
}

/** A container that mounts what is at `sources`. */
export const container = (sources: readonly string[] = []) =>
  ({ mounts: sources.map((source) => ({ source })) }) as unknown as Container;
