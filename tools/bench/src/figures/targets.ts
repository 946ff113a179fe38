import type { Figure, JudgedFigure } from './figure.ts';

/** What is judged, and how. The kernel's own time differs from machine to machine, so most targets are ratios of one run. */
interface Target {
  readonly figures: RegExp;
  readonly text: string;
  met(figure: Figure): boolean;
}

const targets: readonly Target[] = [
  {
    figures: /^hook\.(veth|macvlan)\.1$/,
    text: '≤ 1.5 × c + 1 ms',
    met: ({ median, rivals }) => median <= 1.5 * (rivals['c']?.median ?? -Infinity) + 1,
  },
  {
    figures: /^hook\.(veth|macvlan)\.1$/,
    text: '≥ 10 × faster than cni',
    met: ({ ratio }) => (ratio['cni'] ?? Infinity) <= 1 / 10,
  },
  {
    figures: /^hook\.hostdev\.[18]$/,
    text: '≤ 1.15 × c',
    met: ({ ratio }) => (ratio['c'] ?? Infinity) <= 1.15,
  },
  {
    figures: /^runPodSandbox\.veth\.1$/,
    text: '≤ 1.05 × noop',
    met: ({ ratio }) => (ratio['noop'] ?? Infinity) <= 1.05,
  },
  // A megabyte is 10^6 bytes; the stricter reading of the two.
  { figures: /^rss\.after10kHooks$/, text: '≤ 80 MB', met: ({ median }) => median <= 80 },
  { figures: /^events\.linkToSlice$/, text: '≤ 100 ms', met: ({ median }) => median <= 100 },
];

/** Says what a figure was to be, where that is laid down. */
export function judge(figure: Figure): JudgedFigure {
  const its = targets.filter(({ figures }) => figures.test(figure.name));
  return { ...figure, targets: its.map((target) => ({ text: target.text, met: target.met(figure) })) };
}
