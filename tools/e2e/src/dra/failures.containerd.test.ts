/** What befalls the API server: the driver recovers by itself, and pods that have their links do not notice. */
import { type FaultRule, type KubeObject, type RunningPod, waitUntil } from '@patchbay/lab';
import { linkSet, NetworkNamespace, RouteMonitor, RouteSocket } from '@patchbay/netlink';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { duration, reportFigures } from '../report-figures.ts';
import { TestNode } from '../test-node.ts';

/** How long each fault lasts, in ms. */
const lastsMs = 1500;
/** How long the driver may take afterwards, in ms: its longest pause is bounded, its time-outs are those of the configuration below. */
const recoversWithinMs = 15_000;

const ofDriver = { user: 'system:serviceaccount:patchbay:' } as const;

interface Claim extends KubeObject {
  readonly status?: {
    readonly devices?: readonly {
      readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    }[];
  };
}
interface Slice extends KubeObject {
  readonly spec: {
    readonly devices?: readonly { readonly name: string; readonly taints?: readonly object[] }[];
  };
}

let node: TestNode;
let witness: RunningPod;
/** Changes of links and addresses in the witness' namespace. */
let noticed = 0;
let pods = 0;
let monitor: RouteMonitor;
const host = RouteSocket.open();

beforeAll(async () => {
  node = await TestNode.start({
    cards: 3,
    configuration: { kubernetes: { requestTimeoutSeconds: 2, watchSilenceSeconds: 3 } },
  });
  witness = await node.cluster.runPod(
    await node.pod([
      { backend: 'veth', parameters: { interface: { name: 'blue0', addresses: ['10.20.0.1/24'] } } },
      { backend: 'hostdev', parameters: { interface: { name: 'fast0', addresses: ['10.20.2.1/24'] } } },
    ]),
  );
  // Its IPv6 addresses are announced when duplicate address detection is through (RFC 4862).
  await pause(2500);
  using namespace = NetworkNamespace.open(witness.networkNamespacePath ?? '');
  monitor = RouteMonitor.open({
    namespace,
    groups: ['link', 'address', 'route'],
    onEvents: (events) => (noticed += events.length),
    onOverflow: () => noticed++,
  });
}, 60_000);
afterAll(async () => {
  monitor?.close();
  host.close();
  await node?.stop();
});

/** Something that goes wrong until the returned function is called. */
type Fault = () => (() => void) | Promise<() => void>;

function injected(...rules: readonly FaultRule[]): Fault {
  return () => {
    const injections = rules.map((rule) => node.cluster.server.inject({ ...ofDriver, ...rule }));
    // Watches that are open already end, and meet the fault when they begin again.
    node.cluster.server.endWatches();
    return () => injections.forEach((injection) => injection.remove());
  };
}

const faults: readonly (readonly [string, Fault])[] = [
  ['away: connections are reset', injected({ fault: { kind: 'reset' } })],
  ['slow: 1.5 s for each answer', injected({ fault: { kind: 'delay', milliseconds: 1500 } })],
  [
    'conflicts: 409 for writes',
    injected(
      { method: 'PUT', fault: { kind: 'status', code: 409, reason: 'Conflict' } },
      { method: 'PATCH', fault: { kind: 'status', code: 409, reason: 'Conflict' } },
    ),
  ],
  [
    'history lost: 410 for watches and lists',
    () => {
      node.cluster.server.compact();
      node.cluster.server.expireWatches();
      return injected(
        { verb: 'watch', fault: { kind: 'status', code: 410, reason: 'Expired' } },
        { verb: 'list', times: 2, fault: { kind: 'status', code: 410, reason: 'Expired' } },
      )();
    },
  ],
  [
    'overloaded: 429 with Retry-After',
    injected({ fault: { kind: 'status', code: 429, reason: 'TooManyRequests', retryAfter: 1 } }),
  ],
  ['failing: 500', injected({ fault: { kind: 'status', code: 500, reason: 'InternalError' } })],
  ['starting: 503', injected({ fault: { kind: 'status', code: 503, reason: 'ServiceUnavailable' } })],
  [
    'half-open: accepts and never answers',
    () => {
      const lift = injected({ fault: { kind: 'hang' } })();
      node.cluster.server.silenceWatches(ofDriver.user);
      return lift;
    },
  ],
  [
    'cut off after the work was done',
    injected(
      { method: 'POST', fault: { kind: 'resetAfter' } },
      { method: 'PUT', fault: { kind: 'resetAfter' } },
      { method: 'PATCH', fault: { kind: 'resetAfter' } },
    ),
  ],
  [
    'token expired, and rotated later',
    () => {
      node.cluster.server.revokeToken(node.driver.credentials.token);
      node.cluster.server.endWatches();
      return () => node.driver.credentials.renew();
    },
  ],
  [
    'watch that stays silent',
    () => {
      node.cluster.server.silenceWatches(ofDriver.user);
      return () => {};
    },
  ],
];

function cable(card: string, connected: boolean): void {
  host.execute(linkSet(host.link({ name: `port-${card}` })?.index ?? 0, { up: connected }));
}

async function isTainted(card: string): Promise<boolean> {
  const { items } = await node.cluster.api.list<Slice>('/apis/resource.k8s.io/v1/resourceslices');
  const device = items.flatMap(({ spec }) => spec.devices ?? []).find(({ name }) => name === card);
  return (device?.taints ?? []).length > 0;
}

async function isReady(name: string): Promise<boolean> {
  const claim = await node.cluster.get<Claim>({
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: { name, namespace: 'default' },
  });
  const conditions = (claim.status?.devices ?? []).flatMap((device) => device.conditions ?? []);
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

describe('API server', () => {
  it.for(faults)('%s', async ([, begin], context) => {
    const { pid } = node.driver;
    const address = `10.20.0.${++pods + 1}`;
    const before = noticed;
    const lift = await begin();
    // Meanwhile a cable is pulled, and a pod starts.
    cable('nic2', false);
    const template = await node.pod([
      { backend: 'veth', parameters: { interface: { name: 'blue0', addresses: [`${address}/24`] } } },
    ]);
    const starting = node.cluster.runPod(template, { timeoutMs: 60_000 });
    await pause(lastsMs);
    lift();
    const lifted = performance.now();

    const since = () => performance.now() - lifted;
    const within = { timeoutMs: recoversWithinMs };
    const words = (what: string) => () => `${what}; the log ends with ${node.driver.log.slice(-1500)}`;
    const published = waitUntil(words('the taint of nic2'), () => isTainted('nic2'), within).then(since);
    const pod = await starting;
    const started = since();
    const claim = template.spec.resourceClaims?.[0]?.resourceClaimName ?? '';
    const reported = await waitUntil(words('the claim’s status'), () => isReady(claim), within).then(since);

    expect(await node.cluster.exec(witness, ['ping', '-c1', '-W2', address])).toContain('1 packets received');
    expect(node.driver.pid).toBe(pid);
    const slices = Math.max(0, await published);
    expect(Math.max(slices, started, reported)).toBeLessThan(recoversWithinMs);
    // Neighbours learn of each other; links, addresses and routes stay.
    expect(noticed - before).toBe(0);
    cable('nic2', true);
    await waitUntil(words('nic2 without taint'), async () => !(await isTainted('nic2')), within);
    await node.remove(pod);
    reportFigures(context, {
      'slices right after': duration(slices),
      'waiting pod runs after': duration(Math.max(0, started)),
      'status written after': duration(Math.max(0, reported)),
      'running pods': 'undisturbed',
    });
  });
});
