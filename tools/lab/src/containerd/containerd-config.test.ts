import { describe, expect, test } from 'vitest';
import { containerdConfig } from './containerd-config.ts';
import type { ContainerdSeries, ContainerdTools } from './containerd-tools.ts';

function config(series: ContainerdSeries, nriDisabled = false): string {
  const tools: ContainerdTools = {
    series,
    directory: '/tools',
    containerd: '/tools/containerd',
    ctr: '/tools/ctr',
    runc: '/tools/runc',
    path: ['/tools'],
    cniPlugins: '/tools/cni',
    busybox: '/tools/busybox',
    image: '/tools/image.tar',
    packages: {},
  };
  return containerdConfig(tools, {
    directory: '/run/c',
    criSocket: '/run/c/cri.sock',
    nriSocket: '/run/c/nri.sock',
    cdiDirectory: '/run/c/cdi',
    cniDirectory: '/run/c/cni',
    nriDisabled,
    registrationTimeoutMs: 5000,
    requestTimeoutMs: 300,
  });
}

/** The lines of one TOML table. */
function table(text: string, name: string): string[] {
  const start = text.indexOf(`[${name}]\n`);
  expect(start, `table ${name}`).toBeGreaterThan(-1);
  const body = text.slice(start + name.length + 3);
  return body
    .slice(0, body.includes('\n[') ? body.indexOf('\n[') : undefined)
    .trim()
    .split('\n');
}

describe('containerdConfig', () => {
  test('asks 1.7 for CDI, which is off there by default, in the one table that CRI has', () => {
    const text = config('1.7');
    expect(text).toMatch(/^version = 2\n/);
    const cri = table(text, "plugins.'io.containerd.grpc.v1.cri'");
    expect(cri).toEqual(expect.arrayContaining(['enable_cdi = true', 'cdi_spec_dirs = ["/run/c/cdi"]']));
    expect(table(text, "plugins.'io.containerd.grpc.v1.cri'.cni")).toContain('bin_dir = "/tools/cni"');
  });

  test('splits CRI by images and runtime for 2.x', () => {
    const text = config('2');
    expect(text).toMatch(/^version = 3\n/);
    const runtime = "plugins.'io.containerd.cri.v1.runtime'";
    expect(table(text, runtime)).toContain('cdi_spec_dirs = ["/run/c/cdi"]');
    expect(table(text, `${runtime}.cni`)).toContain('bin_dirs = ["/tools/cni"]');
    expect(table(text, `${runtime}.containerd.runtimes.runc.options`)).toContain(
      'BinaryName = "/tools/runc"',
    );
  });

  test.each(['2', '1.7'] as const)('sets NRI of %s explicitly, with its deadlines', (series) => {
    const nri = (disabled: boolean) => table(config(series, disabled), "plugins.'io.containerd.nri.v1.nri'");
    expect(nri(false)).toEqual(
      expect.arrayContaining([
        'disable = false',
        'socket_path = "/run/c/nri.sock"',
        'plugin_registration_timeout = "5000ms"',
        'plugin_request_timeout = "300ms"',
      ]),
    );
    expect(nri(true)).toContain('disable = true');
  });
});
