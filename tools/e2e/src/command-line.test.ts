/** What a user meets on the command line, with the built driver. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDriver } from '@patchbay/bundle';
import { beforeAll, describe, expect, it } from 'vitest';

const valid = 'apiVersion: patchbay.dev/v1alpha1\nkind: DriverConfig\nbackends: [{ kind: hostdev }]\n';
let program: string;
beforeAll(async () => {
  ({ program } = await buildDriver());
});

interface Outcome {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

function patchbay(parameters: readonly string[], options: { uid?: number } = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...parameters], options, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

function configFile(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'config-'));
  chmodSync(directory, 0o755);
  const path = join(directory, 'driver.yaml');
  writeFileSync(path, text, { mode: 0o644 });
  return path;
}

describe('patchbay config check', () => {
  it('accepts a valid file', async () => {
    const { code, stdout } = await patchbay(['config', 'check', configFile(valid)]);
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining('is valid: driver patchbay.dev, backends hostdev'),
    ]);
  });

  it('lists every mistake with its line, without a stack, and fails', async () => {
    const { code, stderr } = await patchbay([
      'config',
      'check',
      configFile(`${valid}ffi: libffi\nlogs: {}\n`),
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('line 4: ffi: ');
    expect(stderr).toContain('line 5: logs: unknown field');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('names the backends that there are when one does not exist', async () => {
    const { code, stderr } = await patchbay([
      'config',
      'check',
      configFile(valid.replace('hostdev', 'wifi')),
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      "line 3: backends[0].kind: there is no backend 'wifi'; this build has: hostdev, veth, macvlan",
    );
  });
});

describe('patchbay run', () => {
  it.runIf(process.geteuid?.() === 0)('says that it needs root, and what for', async () => {
    const { code, stderr } = await patchbay(['run', '--config', configFile(valid)], { uid: 65_534 });
    expect([code, stderr]).toEqual([1, expect.stringContaining('patchbay run needs root (CAP_NET_ADMIN')]);
  });

  it('says how to give the configuration', async () => {
    const { code, stderr } = await patchbay(['run']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--config <file>')]);
  });
});

describe('patchbay schema', () => {
  it.each(['DriverConfig', 'InterfaceConfig'])(
    'prints the JSON Schema of %s with all backends',
    async (kind) => {
      const { code, stdout } = await patchbay(['schema', kind]);
      const schema = JSON.parse(stdout) as { properties: object; additionalProperties: boolean };
      expect([code, schema.additionalProperties]).toEqual([0, false]);
      expect(stdout).toContain('macvlan');
    },
  );
});

describe('patchbay devices', () => {
  it('prints what would be published as JSON, without a cluster', async () => {
    const { code, stdout } = await patchbay(['devices', '--output', 'json']);
    expect([code, JSON.parse(stdout)]).toEqual([0, [{ kind: 'hostdev', devices: expect.any(Array) }]]);
  });
});
