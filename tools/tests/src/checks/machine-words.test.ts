import { describe, expect, test } from 'vitest';
import { checkoutWith } from './checkout-fixture.ts';
import { machineWords } from './machine-words.ts';

const noMirrors = () => Promise.resolve([]);
/** Joined here, so that this file passes its own check. */
const path = (...segments: string[]) => ['', ...segments].join('/');

describe('the check for machine words', () => {
  test.each([
    ['a checkout', path('work', 'main', 'x.ts')],
    ['a home directory', path('home', 'ada', 'patchbay')],
    ["root's files", path('root', '.kube', 'config')],
    ['a home directory of macOS', path('Users', 'ada', 'patchbay')],
  ])('finds the path of %s, with file and line', async (_name, word) => {
    const root = checkoutWith({ 'docs/a.md': `# Title\n\nRun it in "${word}".\n` });
    expect(await machineWords(root, noMirrors).problem()).toBe(`docs/a.md:3: ${word}`);
  });

  test('finds the host of a package mirror', async () => {
    const root = checkoutWith({ 'package-lock.json': '{ "resolved": "https://npm.mirror.test/a.tgz" }\n' });
    expect(await machineWords(root, () => Promise.resolve(['npm.mirror.test'])).problem()).toBe(
      'package-lock.json:1: npm.mirror.test',
    );
  });

  test('lets paths of the node, relative paths and addresses pass', async () => {
    const root = checkoutWith({
      'a.ts': [
        "join(base, 'root/usr/bin')",
        'https://example.com/home/ada/',
        '/var/lib/kubelet/plugins',
        './work/a',
        '/workloads/a',
        'HOME=/root',
      ].join('\n'),
      'picture.bin': `\0${path('home', 'ada', 'x')}`,
    });
    expect(await machineWords(root, noMirrors).problem()).toBeUndefined();
  });
});
