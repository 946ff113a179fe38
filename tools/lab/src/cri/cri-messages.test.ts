import { describe, expect, test } from 'vitest';
import { containerConfig, podSandboxConfig, podSandboxDetails } from './cri-messages.ts';

const pod = { name: 'web', namespace: 'default', uid: 'uid-web' };

describe('podSandboxConfig', () => {
  test('names the pod in the labels that Kubernetes uses', () => {
    expect(podSandboxConfig({ ...pod, labels: { app: 'web' } })).toMatchObject({
      metadata: { name: 'web', namespace: 'default', uid: 'uid-web', attempt: 0 },
      hostname: 'web',
      labels: {
        app: 'web',
        'io.kubernetes.pod.name': 'web',
        'io.kubernetes.pod.namespace': 'default',
        'io.kubernetes.pod.uid': 'uid-web',
      },
    });
  });

  test('gives a pod on the network of the node no hostname', () => {
    expect(podSandboxConfig({ ...pod, hostNetwork: true })).toMatchObject({
      hostname: '',
      linux: { securityContext: { namespaceOptions: { network: 'NODE', pid: 'CONTAINER' } } },
    });
  });
});

describe('containerConfig', () => {
  test('logs only where the sandbox has a directory for it', () => {
    expect(containerConfig({ name: 'main' }, pod)).toMatchObject({ logPath: '' });
    expect(containerConfig({ name: 'main', attempt: 2 }, { ...pod, logDirectory: '/logs' })).toMatchObject({
      logPath: 'main_2.log',
    });
  });
});

describe('podSandboxDetails', () => {
  const status = {
    id: 'abc',
    metadata: { ...pod, attempt: 1 },
    state: 'SANDBOX_READY',
    labels: {},
    annotations: {},
    network: { ip: '10.0.0.2', additionalIps: [{ ip: 'fd00::2' }] },
  };

  test('reads addresses of both families and the namespace from the runtime specification', () => {
    const runtimeSpec = {
      linux: {
        namespaces: [{ type: 'pid' }, { type: 'network', path: '/var/run/netns/cni-1' }],
      },
    };
    const details = podSandboxDetails({ status, info: { info: JSON.stringify({ pid: 42, runtimeSpec }) } });
    expect(details).toMatchObject({
      state: 'ready',
      attempt: 1,
      ips: ['10.0.0.2', 'fd00::2'],
      networkNamespacePath: '/var/run/netns/cni-1',
      pid: 42,
    });
  });

  test.each([
    '{}',
    '{"pid":0,"runtimeSpec":null}',
    '{"runtimeSpec":{"linux":{"namespaces":[{"type":"network"}]}}}',
  ])('bears what a runtime leaves out: %s', (info) => {
    const details = podSandboxDetails({ status: { ...status, network: null }, info: { info } });
    expect(details?.ips).toEqual([]);
    expect(details).not.toHaveProperty('networkNamespacePath');
    expect(details).not.toHaveProperty('pid');
  });

  test('is undefined without a status', () => {
    expect(podSandboxDetails({ status: null, info: {} })).toBeUndefined();
  });
});
