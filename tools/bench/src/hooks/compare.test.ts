import { expect, it } from 'vitest';
import { benchBackends } from '../links/bench-backends.ts';
import type { BenchHost } from '../links/bench-host.ts';
import { compare } from './compare.ts';
import type { Contestant } from './contestant.ts';

/** A contestant that attaches nothing and notes when it was its turn. */
function contestant(name: string, turns: string[], every = 1, mtu = 1500): Contestant {
  const podState = () => ({
    links: [{ name: 'net0', mtu, up: true, kind: 'veth' }],
    addresses: [],
    routes: [],
  });
  return {
    ...{ name, every, host: { podState } as unknown as BenchHost },
    attach: () => Promise.resolve(turns.push(name)),
    detach: () => Promise.resolve(),
  };
}

const [backend] = benchBackends;

it('contestants take turns in every order, and slow ones sit out', async () => {
  const turns: string[] = [];
  const contestants = [contestant('hook', turns), contestant('c', turns), contestant('cni', turns, 2)];
  const times = await compare(contestants, backend!, [], { warmUp: 2, counted: 4 });
  expect(turns.join(' ')).toBe(
    ['hook c cni', 'c hook', 'cni hook c', 'c hook', 'cni hook c', 'hook c'].join(' '),
  );
  expect([...times].map(([name, samples]) => [name, samples.length])).toEqual([
    ['hook', 4],
    ['c', 4],
    ['cni', 2],
  ]);
});

it('whoever makes something else than the others is no rival', async () => {
  const contestants = [contestant('hook', []), contestant('c', [], 1, 1400)];
  await expect(compare(contestants, backend!, [], { warmUp: 0, counted: 1 })).rejects.toThrow(
    /c has made\nlink net0 up mtu 1400 kind veth\ninstead of\nlink net0 up mtu 1500/,
  );
});
