import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { backendModules } from './backends.ts';
import { parseDriverConfig } from './configuration/load-driver-config.ts';

const directory = resolve(import.meta.dirname, '../../../deploy/manifests');

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}
interface ConfigMap extends Manifest {
  readonly data: Readonly<Record<string, string>>;
}
interface Rule {
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
}
interface ClusterRole extends Manifest {
  readonly rules: readonly Rule[];
}
interface Binding extends Manifest {
  readonly subjects: readonly { readonly kind: string; readonly name: string; readonly namespace: string }[];
  readonly roleRef: { readonly kind: string; readonly name: string };
}
interface DeviceClass extends Manifest {
  readonly spec: { readonly selectors: readonly { readonly cel: { readonly expression: string } }[] };
}
interface Probe {
  readonly httpGet: { readonly host: string; readonly port: number; readonly path: string };
}
interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly valueFrom: { readonly fieldRef: object } }[];
  readonly ports?: unknown;
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly mountPropagation?: string;
  }[];
  readonly startupProbe: { readonly exec: { readonly command: readonly string[] } };
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
}
interface Volume {
  readonly name: string;
  readonly hostPath?: { readonly path: string };
  readonly configMap?: { readonly name: string };
}
interface DaemonSet extends Manifest {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly serviceAccountName: string;
        readonly containers: readonly Container[];
        readonly volumes: readonly Volume[];
      };
    };
  };
}
interface Policy extends Manifest {
  readonly spec: object;
}

const manifests = readdirSync(directory)
  .filter((name) => name.endsWith('.yaml'))
  .sort()
  .flatMap((name) => parseAllDocuments(readFileSync(join(directory, name), 'utf8')))
  .map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });

function all<T extends Manifest>(kind: string): readonly T[] {
  return manifests.filter((manifest) => manifest.kind === kind) as T[];
}

function only<T extends Manifest>(kind: string): T {
  const found = all<T>(kind);
  expect(found.map(({ metadata }) => metadata.name)).toHaveLength(1);
  return found[0] as T;
}

const namespace = only('Namespace').metadata.name;
const serviceAccount = only('ServiceAccount');
const { config } = parseDriverConfig(
  only<ConfigMap>('ConfigMap').data['config.yaml'] ?? '',
  backendModules,
  'config.yaml',
);
const { spec: pod } = only<DaemonSet>('DaemonSet').spec.template;
const [driver] = pod.containers as readonly [Container];

describe('the manifests', () => {
  it('have the namespace first, and everything that has one in it', () => {
    expect(manifests[0]?.kind).toBe('Namespace');
    const namespaced = ['ServiceAccount', 'ConfigMap', 'DaemonSet'];
    for (const { kind, metadata } of manifests) {
      expect(metadata.namespace, kind).toBe(namespaced.includes(kind) ? namespace : undefined);
    }
  });

  it('give the role to the service account under which the driver runs', () => {
    const { subjects, roleRef } = only<Binding>('ClusterRoleBinding');
    const { name } = serviceAccount.metadata;
    expect(subjects).toEqual([{ kind: 'ServiceAccount', name, namespace }]);
    expect(roleRef).toMatchObject({ kind: 'ClusterRole', name: only('ClusterRole').metadata.name });
    expect(pod.serviceAccountName).toBe(name);
  });

  it('restrict that service account, and the driver of that name', () => {
    const policy = only<Policy>('ValidatingAdmissionPolicy');
    const text = JSON.stringify(policy.spec);
    expect(text).toContain(`system:serviceaccount:${namespace}:${serviceAccount.metadata.name}`);
    expect(text).toContain(`object.spec.driver == \\"${config.driverName}\\"`);
    expect(only<Policy>('ValidatingAdmissionPolicyBinding').spec).toEqual({
      policyName: policy.metadata.name,
      validationActions: ['Deny'],
    });
    const { rules } = only<ClusterRole>('ClusterRole');
    const status = rules.find(({ resources }) => resources.includes('resourceclaims/driver'));
    expect(status?.resourceNames).toEqual([config.driverName]);
  });

  it('have a device class for each backend', () => {
    const classes = all<DeviceClass>('DeviceClass');
    expect(classes.map(({ metadata }) => metadata.name)).toEqual(
      backendModules.map(({ kind }) => kind).sort(),
    );
    for (const { metadata, spec } of classes) {
      expect(spec.selectors.map(({ cel }) => cel.expression)).toEqual([
        `device.driver == "${config.driverName}" && device.attributes["patchbay.dev"].backend == "${metadata.name}"`,
      ]);
    }
  });
});

describe('the pod of the driver', () => {
  const hostPath = (path: string) => {
    const mount = driver.volumeMounts.find(({ mountPath }) => mountPath === path);
    return pod.volumes.find(({ name }) => name === mount?.name)?.hostPath?.path;
  };

  it('reads the configuration from the config map', () => {
    const mount = driver.volumeMounts.find(({ name }) => name === 'config');
    const volume = pod.volumes.find(({ name }) => name === 'config');
    expect(volume?.configMap?.name).toBe(only('ConfigMap').metadata.name);
    expect(driver.args).toEqual(['run', '--config', `${mount?.mountPath ?? ''}/config.yaml`]);
  });

  it('has the directories of the configuration from the host, under the same paths', () => {
    for (const path of [
      config.kubelet.registryDirectory,
      config.kubelet.pluginsDirectory,
      config.cdi.directory,
      config.state.directory,
      config.nri.socketPath.replace(/\/[^/]+$/, ''),
    ]) {
      expect(hostPath(path)).toBe(path);
    }
  });

  it('has a volume for each mount and a mount for each volume', () => {
    expect(driver.volumeMounts.map(({ name }) => name).sort()).toEqual(
      pod.volumes.map(({ name }) => name).sort(),
    );
  });

  it('shares mounts with the host where namespaces are pinned, and sees those of the host', () => {
    const propagation = Object.fromEntries(
      driver.volumeMounts.map(({ mountPath, mountPropagation }) => [mountPath, mountPropagation]),
    );
    expect(propagation).toMatchObject({
      [config.state.directory]: 'Bidirectional',
      '/run/netns': 'HostToContainer',
    });
  });

  it('is told its node and its UID', () => {
    expect(driver.env).toEqual([
      { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      { name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
    ]);
  });

  it('is probed where the configuration serves, and declares no port that would keep a second one off the node', () => {
    const { address: host, port } = config.metrics;
    expect(driver.livenessProbe.httpGet).toEqual({ host, port, path: '/healthz' });
    expect(driver.readinessProbe.httpGet).toEqual({ host, port, path: '/readyz' });
    expect(driver.ports).toBeUndefined();
  });

  it('is asked itself whether it has started, not by the port that another instance may have', () => {
    expect(driver.startupProbe.exec.command).toEqual(['patchbay', 'ready', ...driver.args.slice(1)]);
  });

  it('is selected by its labels', () => {
    const { selector, template } = only<DaemonSet>('DaemonSet').spec;
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
  });
});
