import { linkSet, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import type { DriverProcess } from '../cluster/driver-process.ts';
import type { LabCluster } from '../cluster/lab-cluster.ts';
import type { Narrator } from './narrator.ts';
import { type Attachment, attachments, claimOf, podTemplate } from './scenario.ts';

/** Sandboxes per backend: enough that the median is not of a process that has just begun. */
const rounds = 11;
/** How often a figure over its budget is taken again, because something else kept the machine busy. */
const repetitions = 2;
/** The hook of one veth may take this long, in milliseconds, at the median. */
const vethBudgetMs = 3;
/** How much longer than the kernel's own time the hook of a moved link may take. */
const hostdevBudget = 1.3;

/**
 * Runs sandboxes one after another, with one link of a backend each, and shows how long the runtime waited for the driver's answer, from
 * the driver's own clock.
 */
export async function measureHooks(
  cluster: LabCluster,
  driver: DriverProcess,
  narrator: Narrator,
): Promise<void> {
  const durations = new Map<string, number[]>();
  const measured = attachments.filter(({ pod }) => pod.endsWith('-1'));
  for (const attachment of measured) {
    durations.set(attachment.backend, await measure(cluster, driver, attachment));
  }
  for (const [backend, values] of durations)
    narrator.show(histogram(`RunPodSandbox with one ${backend} link`, values));
  const kernel = median(kernelMoves());
  narrator.show(
    `kernel's own time to move nic0 into a namespace and rename it, around that one send: median ${kernel.toFixed(1)} ms`,
  );
  let veth = median(durations.get('veth') ?? []);
  const vethAttachments = measured.filter(({ backend }) => backend === 'veth');
  for (let series = 1; veth >= vethBudgetMs && series <= repetitions; series++) {
    narrator.show(`one veth: median ${veth.toFixed(2)} ms; measuring again, the machine may have been busy`);
    for (const attachment of vethAttachments)
      veth = median(await measure(cluster, driver, attachment, series));
  }
  narrator.check(`one veth: median ${veth.toFixed(2)} ms is under ${vethBudgetMs} ms`, veth < vethBudgetMs);
  const hostdev = median(durations.get('hostdev') ?? []);
  narrator.check(
    `one host link: median ${hostdev.toFixed(1)} ms is under ${hostdevBudget} × the kernel's own ${kernel.toFixed(1)} ms`,
    hostdev < hostdevBudget * kernel,
  );
}

async function measure(
  cluster: LabCluster,
  driver: DriverProcess,
  attachment: Attachment,
  series = 0,
): Promise<number[]> {
  const begun = driver.log.length;
  for (let round = 0; round < rounds; round++) {
    const name = `hook-${attachment.backend}-${series}-${round}`;
    const claim = claimOf({ ...attachment, pod: name });
    await cluster.create(claim);
    const { pod } = await cluster.runPod(podTemplate({ pod: name }));
    await cluster.deletePod(pod);
    await cluster.delete(claim);
  }
  return sandboxHooks(driver.log.slice(begun));
}

/** How long each RunPodSandbox hook took, in ms, by the driver's own log. */
function sandboxHooks(log: string): number[] {
  return log.split('\n').flatMap((line) => {
    if (!line.includes('"hook answered"')) return [];
    const { method, durationMs } = JSON.parse(line) as { method: string; durationMs: number };
    return method === 'RunPodSandbox' ? [durationMs] : [];
  });
}

/**
 * Moves nic0, which is up, into a namespace and renames it there, in one message, as the driver does, and times that message alone. All
 * rounds use one namespace: the end of one holds the lock that moves wait for, and would make the kernel look slower than it is.
 */
function kernelMoves(): number[] {
  using home = NetworkNamespace.own();
  using socket = RouteSocket.open();
  using namespace = NetworkNamespace.create();
  using inside = RouteSocket.open({ namespace });
  return Array.from({ length: rounds }, () => {
    const link = socket.link({ name: 'nic0' });
    if (link === undefined) throw new Error('nic0 is not there');
    const begun = performance.now();
    socket.execute(linkSet(link.index, { namespace, name: 'fast0', mtu: 8000 }));
    const moved = performance.now() - begun;
    const { index = 0 } = inside.link({ name: 'fast0' }) ?? {};
    inside.execute(linkSet(index, { namespace: home, name: 'nic0', mtu: link.mtu }));
    socket.execute(linkSet(socket.link({ name: 'nic0' })?.index ?? 0, { up: true }));
    return moved;
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function histogram(title: string, values: readonly number[]): string {
  const bounds = [0.5, 1, 1.5, 2, 3, 5, 10, 15, 20, 25, 30, 50, Infinity];
  const rows = bounds.map((bound, index) => {
    const count = values.filter((value) => value <= bound && value > (bounds[index - 1] ?? 0)).length;
    return { bound, count };
  });
  const first = rows.findIndex(({ count }) => count > 0);
  const last = rows.findLastIndex(({ count }) => count > 0);
  const sorted = values.toSorted((a, b) => a - b);
  return [
    `${title}: ${values.length} times, median ${median(values).toFixed(2)} ms, largest ${(sorted.at(-1) ?? 0).toFixed(2)} ms`,
    ...rows
      .slice(Math.max(first, 0), last + 1)
      .map(({ bound, count }) => `  ≤ ${String(bound).padStart(4)} ms ${'█'.repeat(count)} ${count}`),
  ].join('\n');
}
