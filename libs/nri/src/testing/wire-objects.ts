import type { Container } from '../messages/container.ts';
import type { LinuxResources } from '../messages/linux-resources.ts';
import type { PodSandbox } from '../messages/pod-sandbox.ts';
import { plainWriter } from '../messages/plain-writer.ts';
import { nriType } from '../messages/wire-schema.ts';

const writePod = plainWriter(nriType('PodSandbox'));
const writeContainer = plainWriter(nriType('Container'));
const writeResources = plainWriter(nriType('LinuxResources'));

/** A pod as the PodSandbox message has it: its network namespace is one of the list. */
export function wirePodSandbox({ networkNamespacePath, ...pod }: Partial<PodSandbox>): object {
  if (networkNamespacePath === undefined) return writePod(pod, 'pod');
  const others = (pod.linux?.namespaces ?? []).filter(({ type }) => type !== 'network');
  const namespaces = [...others, { type: 'network', path: networkNamespacePath }];
  return writePod({ ...pod, linux: { ...pod.linux, namespaces } }, 'pod');
}

/** A container as the Container message has it. */
export function wireContainer(container: Partial<Container>): object {
  const { createdAt, startedAt, finishedAt, cdiDevices, ...plain } = container;
  const message = {
    ...plain,
    createdAt: nanoseconds(createdAt),
    startedAt: nanoseconds(startedAt),
    finishedAt: nanoseconds(finishedAt),
    cdiDevices: cdiDevices?.map((name) => ({ name })),
  };
  return writeContainer(message, 'container');
}

/** Resources as the LinuxResources message has them. */
export function wireResources(resources: LinuxResources | undefined): object | undefined {
  return resources === undefined ? undefined : writeResources(resources, 'resources');
}

function nanoseconds(milliseconds: number | undefined): bigint | undefined {
  return milliseconds === undefined ? undefined : BigInt(Math.round(milliseconds * 1000)) * 1000n;
}
