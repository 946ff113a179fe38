import { describe, expect, it, vi } from 'vitest';
import { allBenchmarks, wantedFigures } from './all-benchmarks.ts';
import { isAnswered, parseOptions } from './options.ts';

describe('the command line', () => {
  it('measures everything unless told otherwise', () => {
    expect(parseOptions([])).toEqual({ only: [], fetched: false });
    expect(
      parseOptions(['--json', 'f.json', '--only', 'hook.veth', '--only', 'rss', '--samples', '5']),
    ).toEqual({ json: 'f.json', only: ['hook.veth', 'rss'], samples: 5, fetched: false });
  });

  it.each([['--samples', '0'], ['--samples', 'many'], ['--fast'], ['hook.veth.1']])(
    'refuses %s %s',
    (...words) => {
      const output = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
      let refusal: unknown;
      try {
        parseOptions(words);
      } catch (error) {
        refusal = error;
      }
      expect(refusal).toBeInstanceOf(Error);
      expect(isAnswered(refusal)).toBe(false);
      output.mockRestore();
    },
  );
});

describe('figures that are asked for', () => {
  it('have all their names in the list, each once', () => {
    const names = allBenchmarks.flatMap((benchmark) => benchmark.names);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining([
        ...['veth', 'macvlan', 'hostdev'].flatMap((backend) => [`hook.${backend}.1`, `hook.${backend}.8`]),
        ...['runPodSandbox.veth.1', 'podsPerSecond.16', 'events.linkToSlice'],
        ...['rss.idle', 'rss.after10kHooks', 'start.toRegistered'],
      ]),
    );
  });

  it('are those that are called or begin like this', () => {
    expect([...wantedFigures(['hook.veth'])]).toEqual(['hook.veth.1', 'hook.veth.8']);
    expect([...wantedFigures(['rss.idle', 'rss'])]).toEqual(['rss.idle', 'rss.after10kHooks']);
    expect(wantedFigures([]).size).toBeGreaterThan(10);
  });

  it('must exist', () => {
    expect(() => wantedFigures(['hook.token-ring'])).toThrow(
      /no figure is called hook\.token-ring or begins so; there are: hook\.veth\.1/,
    );
  });
});
