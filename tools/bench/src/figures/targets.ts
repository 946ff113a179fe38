import type { Figure, JudgedFigure, Verdict } from './figure.ts';

/** What is judged, and how. The kernel's own time differs from machine to machine, so most targets are ratios of one run. */
interface Target {
  readonly figures: RegExp;
  readonly text: string;
  met(figure: Figure): boolean;
}

const targets: readonly Target[] = [
  {
    figures: /^hook\.(veth|macvlan)\.1$/,
    text: '≤ 1.5 × c + 1 ms, ≥ 10 × faster than cni',
    met: ({ median, rivals, ratio }) =>
      median <= 1.5 * (rivals['c']?.median ?? 0) + 1 && (ratio['cni'] ?? Infinity) <= 1 / 10,
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
  const target = targets.find(({ figures }) => figures.test(figure.name));
  if (target === undefined) return figure;
  const verdict: Verdict = { text: target.text, met: target.met(figure) };
  return { ...figure, target: verdict };
}
