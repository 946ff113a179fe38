import { describe, expect, test } from 'vitest';
import { selectTests } from './selection.ts';
import type { Tier } from './tier.ts';

function tier(name: string, ...paths: string[]): Tier {
  return {
    name,
    needs: 'nothing',
    tests: (filters) =>
      paths.filter((path) => filters.length === 0 || filters.some((each) => path.includes(each))),
    obstacle: () => Promise.resolve(undefined),
    size: (tests) => Promise.resolve(tests.length),
    run: (tests) => Promise.resolve({ counts: { passed: tests.length, failed: 0, skipped: 0 } }),
  };
}

const known = [
  tier('unit', 'libs/core/src/a.test.ts'),
  tier('netns', 'libs/netlink/src/b.netns.test.ts'),
  tier('containerd-2', 'libs/nri/src/c.containerd.test.ts'),
  tier('containerd-1.7', 'libs/nri/src/c.containerd.test.ts'),
];
const select = (...parameters: string[]) => selectTests(parameters, known);
const names = (tiers: readonly Tier[]) => tiers.map((each) => each.name);

describe('the command line of npm test', () => {
  test('asks for everything without words', () => {
    const { tiers, filters, list } = select();
    expect(names(tiers)).toEqual(['unit', 'netns', 'containerd-2', 'containerd-1.7']);
    expect(filters).toEqual([]);
    expect(list).toBe(false);
  });

  test('names tiers, in any order, which run in theirs', () => {
    expect(names(select('containerd-2', 'unit').tiers)).toEqual(['unit', 'containerd-2']);
  });

  test("means both series with 'containerd'", () => {
    expect(names(select('containerd').tiers)).toEqual(['containerd-2', 'containerd-1.7']);
  });

  test('takes other words as parts of paths', () => {
    const { tiers, filters } = select('netns', 'b.netns');
    expect(names(tiers)).toEqual(['netns']);
    expect(filters).toEqual(['b.netns']);
  });

  test('takes a folder as exactly that folder', () => {
    expect(select('./libs/netlink').filters).toEqual(['libs/netlink/']);
    expect(select('libs/netlink/').filters).toEqual(['libs/netlink/']);
  });

  test('allows skips where asked', () => {
    expect([...select('--allow-skips', 'netns,containerd').maySkip]).toEqual([
      'netns',
      'containerd-2',
      'containerd-1.7',
    ]);
  });

  test.each([
    [
      'a path that no test has',
      ['no-such-thing'],
      "'no-such-thing' is neither a tier nor part of a test's path",
    ],
    ['an option that does not exist', ['--fast'], "Unknown option '--fast'"],
    ['a tier that does not exist', ['--allow-skips', 'vms'], '--allow-skips vms: there is no such tier'],
  ])('refuses %s', (_what, parameters, message) => {
    expect(() => select(...parameters)).toThrow(message);
    expect(() => select(...parameters)).toThrow('usage: npm test');
  });
});
