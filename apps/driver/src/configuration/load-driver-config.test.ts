import { ConfigInvalidError } from '@patchbay/core';
import { describe, expect, it } from 'vitest';
import { backendModules } from '../backends.ts';
import { loadDriverConfig, parseDriverConfig } from './load-driver-config.ts';

const head = 'apiVersion: patchbay.dev/v1alpha1\nkind: DriverConfig\n';

function mistakesIn(text: string): string[] {
  try {
    parseDriverConfig(text, backendModules, 'driver.yaml');
  } catch (error) {
    if (error instanceof ConfigInvalidError) {
      return error.issues.map(({ line, path, message }) => `${line ?? '-'} ${path}: ${message}`);
    }
    throw error;
  }
  return [];
}

describe('parseDriverConfig', () => {
  it('fills in defaults and keeps the order of backends', () => {
    const { config, backends } = parseDriverConfig(
      `${head}backends:\n- kind: macvlan\n  parents: [{ link: eth1 }]\n- kind: hostdev\n`,
      backendModules,
      'driver.yaml',
    );
    expect(config).toMatchObject({
      driverName: 'patchbay.dev',
      kubelet: { registryDirectory: '/var/lib/kubelet/plugins_registry' },
      nri: { socketPath: '/var/run/nri/nri.sock', pluginIndex: '10' },
    });
    expect(backends.map(({ module }) => module.kind)).toEqual(['macvlan', 'hostdev']);
    expect(backends[0]?.config).toEqual({ parents: [{ link: 'eth1', devices: 16, mode: 'bridge' }] });
  });

  it('says how to write a UID of digits, which value is no path, and that a reservation reserves nothing', () => {
    expect(
      mistakesIn(
        `${head}kubelet: { podUID: 1234 }\ncdi: { directory: cdi }\ndevices: { reserved: [{}] }\nbackends: [{ kind: hostdev }]\n`,
      ),
    ).toEqual([
      '3 kubelet.podUID: write it in quotes, "1234" (got 1234)',
      '4 cdi.directory: must be an absolute path, beginning with / (got "cdi")',
      expect.stringMatching(
        /^5 devices\.reserved\[0\]: selects nothing; give at least one of name/,
      ) as string,
    ]);
  });

  it('reports every mistake with its line and path', () => {
    const mistakes = mistakesIn(`${head}nodename: x
nri:
  pluginIndex: 7
cdi:
  directory: cdi
backends:
- kind: veth
  networks:
  - name: blue
    mode: bridge
    brigde: br0
- kind: wifi
- kind: macvlan
  parents: []
`);
    expect(mistakes).toEqual([
      expect.stringMatching(/^5 nri\.pluginIndex: write it in quotes, "07"/),
      expect.stringMatching(/^7 cdi\.directory: must be an absolute path/),
      expect.stringMatching(/^3 nodename: unknown field/),
      expect.stringMatching(/^1[0-3] backends\[0\]\.networks\[0\]\.bridge: is required/),
      expect.stringMatching(/^13 backends\[0\]\.networks\[0\]\.brigde: unknown field/),
      expect.stringMatching(
        /^14 backends\[1\]\.kind: there is no backend 'wifi'; this build has: hostdev, veth, macvlan/,
      ),
      expect.stringMatching(/^16 backends\[2\]\.parents: names no parent/),
    ]);
  });

  it.each([
    ['10', 'nri.pluginIndex: write it in quotes, "10"'],
    ['"1"', 'nri.pluginIndex: must be two digits in quotes'],
    ['true', 'nri.pluginIndex: Invalid input: expected string'],
  ])('says how to write the plugin index instead of %s', (index, words) => {
    expect(mistakesIn(`${head}nri: { pluginIndex: ${index} }\nbackends: [{kind: hostdev}]`).join()).toContain(
      words,
    );
  });

  it('reports a backend that is enabled twice', () => {
    expect(mistakesIn(`${head}backends: [{kind: hostdev}, {kind: hostdev}]`).join()).toContain(
      "'hostdev' is enabled",
    );
  });

  it.each([
    ['', 'apiVersion: is required'],
    [`${head}backends: []`, 'names no backend'],
    [`${head}backends: [{}]`, 'backends[0].kind: is required'],
    ['a: b: c', 'Nested mappings'],
    ['[1, 2]', 'expected object'],
  ])('refuses %j', (text, words) => {
    expect(mistakesIn(text).join('\n')).toContain(words);
  });

  it('says that a file does not exist', () => {
    expect(() => loadDriverConfig('/nowhere/driver.yaml', backendModules)).toThrow(
      /no such file; correct its path/,
    );
  });
});
