/** The driver uses each right that its manifests give it, and asks for none that they do not. */
import {
  type DriverProcess,
  driverName,
  type KubeObject,
  type LabApiServer,
  type LabCluster,
  waitUntil,
} from '@patchbay/lab';
import { linkSet, RouteSocket } from '@patchbay/netlink';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNode } from './test-node.ts';

const driverUser = 'system:serviceaccount:patchbay:patchbay';
const slicesPath = '/apis/resource.k8s.io/v1/resourceslices';

interface ClusterRole extends KubeObject {
  readonly rules: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
  }[];
}
interface Slice extends KubeObject {
  readonly spec: { readonly pool: { readonly name: string }; readonly devices?: readonly { name: string }[] };
}
interface Event extends KubeObject {
  readonly reason: string;
  readonly series?: { readonly count: number };
}

let node: TestNode;
let cluster: LabCluster;
let server: LabApiServer;
let driver: DriverProcess;
const host = RouteSocket.open();
beforeAll(async () => {
  node = await TestNode.start({ cards: 2 });
  ({ cluster, driver } = node);
  ({ server } = cluster);
});
afterAll(async () => {
  host.close();
  await node.stop();
});

/** `verb resource.group` of everything that a rule of the driver's role allows. */
async function granted(): Promise<string[]> {
  const { rules } = await cluster.get<ClusterRole>({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'patchbay' },
  });
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${group}`)),
    ),
  );
}

/** What the API server has asked its authorizer about the driver so far, in the same words, and what was refused. */
function asked(): { readonly used: ReadonlySet<string>; readonly refused: readonly string[] } {
  const checks = server.requests
    .filter(({ user }) => user === driverUser)
    .flatMap((record) => record.checks)
    .map(({ access, allowed }) => ({
      allowed,
      words:
        access.kind === 'path'
          ? undefined
          : `${access.verb} ${[access.resource, access.subresource].filter((part) => part !== '').join('/')}.${access.group}`,
    }));
  const words = (wanted: boolean) =>
    checks.flatMap((check) => (check.allowed === wanted && check.words !== undefined ? [check.words] : []));
  return { used: new Set(words(true)), refused: words(false) };
}

/** Waits until the driver has been seen to use a right. */
async function uses(right: string): Promise<void> {
  await waitUntil(`the driver to ${right}`, () => asked().used.has(right), { timeoutMs: 10_000 });
}

async function slices(): Promise<Slice[]> {
  const { items } = await cluster.api.list<Slice>(slicesPath);
  return items.filter((slice) => (slice.spec as unknown as { driver: string }).driver === driverName);
}

async function published(what: string, condition: (slices: readonly Slice[]) => boolean): Promise<void> {
  await waitUntil(what, async () => condition(await slices()), { timeoutMs: 10_000 });
}

/** Whether a slice has a device, or none does. */
const has = (found: readonly Slice[], device: string) =>
  found.some(({ spec }) => spec.devices?.some(({ name }) => name === device));

/** Pulls the cable of a card out, or plugs it in again. */
function cable(card: string, connected: boolean): void {
  host.execute(linkSet(host.link({ name: `port-${card}` })?.index ?? 0, { up: connected }));
}

async function podEvent(what: string, condition: (event: Event) => boolean): Promise<void> {
  const events = () => cluster.api.list<Event>('/apis/events.k8s.io/v1/namespaces/default/events');
  await waitUntil(what, async () => (await events()).items.some(condition), { timeoutMs: 10_000 });
}

describe('the life of a driver', () => {
  it('begins with slices for all backends', async () => {
    await published('three pools', (found) => found.length === 3);
  });

  it('has claims attached and detached, and reports both', async () => {
    const pod = await cluster.runPod(await node.pod([{ backend: 'veth' }, { backend: 'hostdev' }]));
    await uses('associated-node:patch resourceclaims/driver.resource.k8s.io');
    await node.remove(pod);
  });

  it('tells a pod of a cable that is pulled out, and counts when it happens again', async () => {
    const pod = await cluster.runPod(await node.pod([{ backend: 'hostdev' }]));
    const card = await node.allocatedDevice(pod.pod);
    for (const count of [1, 2]) {
      cable(card, false);
      await podEvent(
        `event ${count} of a missing carrier`,
        ({ reason, series }) => reason === 'NetworkLinkDown' && (series?.count ?? 1) === count,
      );
      cable(card, true);
      await podEvent(
        `event ${count} of a carrier that is back`,
        ({ reason, series }) => reason === 'NetworkLinkUp' && (series?.count ?? 1) === count,
      );
    }
    await node.remove(pod);
  });

  it('withdraws a device that is gone, also when someone else has changed the slice meanwhile', async () => {
    const conflict = server.inject({
      verb: 'update',
      path: slicesPath,
      times: 1,
      fault: { kind: 'status', code: 409, reason: 'Conflict' },
    });
    const plugBack = node.host.unplug('nic1');
    await published('nic1 to be withdrawn', (found) => found.length === 3 && !has(found, 'nic1'));
    expect(conflict.hits).toBe(1);
    plugBack();
    await published('nic1 to be back', (found) => has(found, 'nic1'));
  });

  it('publishes again what a kubelet has wiped', async () => {
    await cluster.api.request({ method: 'DELETE', path: slicesPath });
    await published('three pools again', (found) => found.length === 3);
  });

  it('deletes slices that it has no pool for', async () => {
    const { nodeName } = cluster;
    await cluster.create({
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceSlice',
      metadata: { name: 'stray' },
      spec: {
        driver: driverName,
        nodeName,
        pool: { name: 'stray', generation: 1, resourceSliceCount: 1 },
      },
    });
    await published('the stray slice to be deleted', (found) => found.length === 3);
  });

  it('goes on in another version of the API', async () => {
    server.setResourceVersions(['v1beta1']);
    server.endWatches();
    await waitUntil(
      'the driver to watch in v1beta1',
      () =>
        server.requests.some((r) => r.user === driverUser && r.version === 'v1beta1' && r.verb === 'watch'),
      { timeoutMs: 10_000 },
    );
    const pod = await cluster.runPod(await node.pod([{ backend: 'macvlan' }]));
    await node.remove(pod);
    server.setResourceVersions(['v1', 'v1beta2', 'v1beta1']);
  });

  it('goes on with the next token when its own is worthless', async () => {
    const { token } = driver.credentials;
    driver.credentials.renew();
    server.revokeToken(token);
    const pod = await cluster.runPod(await node.pod([{ backend: 'veth' }]));
    await node.remove(pod);
    expect(server.requests.some((r) => r.user === '' && r.status === 401)).toBe(true);
  });

  it('ends in order', async () => {
    expect(await driver.stop()).toBe(0);
  });
});

it('took all rights of the role, and was refused nothing', async () => {
  const { used, refused } = asked();
  expect(refused).toEqual([]);
  expect([...used].sort()).toEqual((await granted()).sort());
});
