/** The command from end to end, with one figure that every rival takes part in. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { enteredContainerdTools } from '@patchbay/lab';
import { expect, it, onTestFinished } from 'vitest';
import { installedCompiler, installedIp } from '../programs/find-programs.ts';

const program = resolve(import.meta.dirname, 'main.ts');
const absent = [
  ...(enteredContainerdTools().series === '2' ? [] : ['containerd 2']),
  ...((await installedCompiler()) === undefined ? ['gcc'] : []),
  ...((await installedIp()) === undefined ? ['ip'] : []),
];

function bench(
  ...parameters: readonly string[]
): Promise<{ readonly code: unknown; readonly stdout: string; readonly stderr: string }> {
  return new Promise((end) => {
    const command = ['--conditions=@patchbay/source', program, ...parameters];
    execFile(process.execPath, command, (error, stdout, stderr) =>
      end({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

if (absent.length > 0) {
  // Inside the lab there is no network to fetch them from.
  it(`ABSENT, not tested: ${absent.join(', ')}`, () => expect(absent).not.toEqual([]));
} else {
  it('measures a figure against all rivals, shows a table and writes it for programs', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'bench-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'figures.json');
    const { code, stdout, stderr } = await bench(
      '--only',
      'hook.macvlan.1',
      '--samples',
      '1',
      '--json',
      file,
    );
    expect([0, 1], stderr).toContain(code);
    const { figures, surroundings } = JSON.parse(readFileSync(file, 'utf8'));
    expect(figures).toEqual([
      expect.objectContaining({
        ...{ name: 'hook.macvlan.1', unit: 'ms', samples: 1 },
        ratio: { c: expect.any(Number), ipBatch: expect.any(Number), cni: expect.any(Number) },
        targets: [
          { text: expect.stringContaining('1.5 × c'), met: expect.any(Boolean) },
          { text: expect.stringContaining('cni'), met: expect.any(Boolean) },
        ],
      }),
    ]);
    const [{ median, ratio, targets }] = figures;
    expect(code).toBe(targets.every(({ met }: { met: boolean }) => met) ? 0 : 1);
    // Whoever starts a program takes milliseconds.
    expect(median / ratio.ipBatch).toBeGreaterThan(1);
    expect(median / ratio.cni).toBeGreaterThan(1);
    expect(surroundings).toMatchObject({ kernel: expect.stringMatching(/^Linux /) });
    expect(stdout).toMatch(/hook\.macvlan\.1 .* c \(/);
  });

  it('refuses what it does not know, and says what there is', async () => {
    const { code, stderr } = await bench('--only', 'hook.token-ring');
    expect(code).toBe(2);
    expect(stderr).toMatch(/no figure is called hook\.token-ring.*hook\.veth\.1/);
  });
}
