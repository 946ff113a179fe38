import { check, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { figuresJson } from './figures-json.ts';
import { figuresPage } from './figures-page.ts';
import { figuresTable } from './figures-table.ts';
import { makeFigure } from './make-figure.ts';
import type { JudgedFigure } from './figure.ts';
import { judge } from './targets.ts';

const hook = (ours: number, rivals: Readonly<Record<string, number>>, name = 'hook.veth.1') =>
  judge(
    makeFigure({
      ...{ name, unit: 'ms', samples: [ours, ours, ours] },
      rivals: Object.fromEntries(Object.entries(rivals).map(([rival, value]) => [rival, [value, value]])),
    }),
  );

const met = ({ targets }: JudgedFigure) => targets.map((each) => each.met);

describe('a figure', () => {
  it('sums up its samples and compares the medians', () => {
    const figure = makeFigure({
      ...{ name: 'hook.veth.1', unit: 'ms', samples: [3, 1, 2] },
      rivals: { c: [1, 1, 4], cni: [20] },
    });
    expect(figure).toMatchObject({ median: 2, p99: 3, least: 1, samples: 3, ratio: { c: 2, cni: 0.1 } });
    expect(figure.rivals['c']).toMatchObject({ median: 1, p99: 4, samples: 3 });
  });

  it('cannot be made of nothing', () => {
    expect(() => makeFigure({ name: 'x', unit: 'ms', samples: [] })).toThrow('x has no samples');
    expect(() => makeFigure({ name: 'x', unit: 'ms', samples: [1], rivals: { c: [] } })).toThrow(
      'c in x has no samples',
    );
  });
});

describe('targets', () => {
  it('a created link may take half as long again as the C program and a millisecond, and a tenth of what CNI takes', () => {
    expect(met(hook(2.5, { c: 1, cni: 25 }))).toEqual([true, true]);
    expect(met(hook(2.6, { c: 1, cni: 100 }))).toEqual([false, true]);
    expect(met(hook(2.5, { c: 1, cni: 24 }))).toEqual([true, false]);
    expect(met(hook(2.5, { c: 1, cni: 24 }, 'hook.veth.8'))).toEqual([]);
  });

  it('moved links may take 15 % longer', () => {
    expect(met(hook(115, { c: 100 }, 'hook.hostdev.8'))).toEqual([true]);
    expect(met(hook(116, { c: 100 }, 'hook.hostdev.8'))).toEqual([false]);
  });

  it('one that cannot be compared misses its target', () => {
    expect(met(hook(1, {}, 'hook.hostdev.1'))).toEqual([false]);
    expect(met(hook(1, {}))).toEqual([false, false]);
  });

  it.each([
    ['runPodSandbox.veth.1', { noop: 100 }, 105, 106],
    ['rss.after10kHooks', {}, 80, 80.1],
    ['events.linkToSlice', {}, 100, 101],
  ])('%s is judged', (name, rivals, good, bad) => {
    expect(met(hook(good, rivals, name))).toEqual([true]);
    expect(met(hook(bad, rivals, name))).toEqual([false]);
  });
});

describe('for programs', () => {
  it('each figure has name, unit, median, p99 and ratios', () => {
    const text = figuresJson([hook(2, { c: 1, cni: 40, ipBatch: 10 })], { kernel: 'Linux 6.1' });
    expect(JSON.parse(text)).toMatchObject({
      figures: [
        {
          ...{ name: 'hook.veth.1', unit: 'ms', median: 2, p99: 2 },
          ratio: { c: 2, cni: 0.05, ipBatch: 0.2 },
        },
      ],
      surroundings: { kernel: 'Linux 6.1' },
    });
  });
});

describe('for the documentation', () => {
  it('the page is formatted as the repository is', async () => {
    const figures = [
      hook(2, { c: 1, cni: 40 }),
      judge(
        makeFigure({
          name: 'rss.idle',
          unit: 'MB',
          samples: [61.25],
          details: { anonymous: '20 MB', node: '8 cards' },
        }),
      ),
    ];
    const page = figuresPage(figures, { date: '2026-01-01', machine: '2 × processors' });
    expect(page).toMatch(
      /\| `hook\.veth\.1` +\| ms .* c \(1\.00, 1\.00\): 2\.00, 2\.00–2\.00<br>cni .* met: ≤ 1\.5 × c/,
    );
    expect(page).toMatch(/\| date +\| 2026-01-01/);
    const configuration = await resolveConfig(import.meta.filename);
    expect(await check(page, { ...configuration, parser: 'markdown' })).toBe(true);
  });
});

describe('for people', () => {
  it('the table shows each rival, and which targets are missed', () => {
    const table = figuresTable([
      hook(2, { c: 1, cni: 40 }),
      hook(200, { c: 100 }, 'hook.hostdev.8'),
      judge(makeFigure({ name: 'rss.idle', unit: 'MB', samples: [61.25], details: { anonymous: '20 MB' } })),
    ]);
    expect(table).toMatch(
      /hook\.veth\.1 .* 2\.00 .* c \(1\.00, 1\.00\): 2\.00, 2\.00–2\.00 .* met: ≤ 1\.5 × c/,
    );
    expect(table).toMatch(/cni \(40\.0, 40\.0\): 0\.0500/);
    expect(table).toMatch(/hook\.hostdev\.8 .* MISSED: ≤ 1\.15 × c/);
    expect(table).toMatch(/rss\.idle .* 61\.3 .* anonymous: 20 MB/);
  });
});
