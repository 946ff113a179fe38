import { describe, expect, test } from 'vitest';
import { draDescriptor } from '../generated/dra-descriptor.ts';

/** Field numbers of a message by field name, found by the message's full name. */
function numbers(message: string): Record<string, number> {
  let node: unknown = draDescriptor;
  for (const name of message.split('.')) node = child(child(node, 'nested'), name);
  const fields = child(node, 'fields') as Record<string, { id: number }>;
  return Object.fromEntries(Object.entries(fields).map(([name, { id }]) => [name, id]));
}

function child(node: unknown, name: string): unknown {
  const value = (node as Record<string, unknown>)[name];
  expect(value, name).toBeDefined();
  return value;
}

// Driver and stand-in are generated from the same files, so a wrong number there would never show between the two of them.
describe("the kubelet's wire format", () => {
  test.each(['v1', 'v1beta1'])('of %s is that of Kubernetes', (version) => {
    const at = (message: string) => numbers(`k8s.io.kubelet.pkg.apis.dra.${version}.${message}`);
    expect(at('Claim')).toEqual({ namespace: 1, uid: 2, name: 3 });
    expect(at('NodePrepareResourcesRequest')).toEqual({ claims: 1 });
    expect(at('NodePrepareResourcesResponse')).toEqual({ claims: 1 });
    expect(at('NodePrepareResourceResponse')).toEqual({ devices: 1, error: 2 });
    expect(at('NodeUnprepareResourcesRequest')).toEqual({ claims: 1 });
    expect(at('NodeUnprepareResourcesResponse')).toEqual({ claims: 1 });
    expect(at('NodeUnprepareResourceResponse')).toEqual({ error: 1 });
    const device = { requestNames: 1, poolName: 2, deviceName: 3, cdiDeviceIds: 4 };
    expect(at('Device')).toEqual(version === 'v1' ? { ...device, shareId: 5 } : device);
  });

  test('of the plugin registration is that of Kubernetes', () => {
    expect(numbers('pluginregistration.PluginInfo')).toEqual({
      type: 1,
      name: 2,
      endpoint: 3,
      supportedVersions: 4,
    });
    expect(numbers('pluginregistration.RegistrationStatus')).toEqual({ pluginRegistered: 1, error: 2 });
    expect(numbers('pluginregistration.InfoRequest')).toEqual({});
    expect(numbers('pluginregistration.RegistrationStatusResponse')).toEqual({});
  });
});
