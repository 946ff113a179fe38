import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { memoryDetails, processMemory } from './process-memory.ts';

it('is read in KiB and told in MB, of which there are more than MiB', () => {
  const root = mkdtempSync(join(tmpdir(), 'proc-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, '7'));
  writeFileSync(join(root, '7/status'), 'Name:\tnode\nVmRSS:\t   78125 kB\nRssAnon:\t   10240 kB\n');
  const memory = processMemory(7, root);
  expect(memory).toEqual({ resident: 80, anonymous: 10.48576 });
  expect(memoryDetails(memory)).toEqual({ resident: '76.3 MiB', anonymous: '10.5 MB (10.0 MiB)' });
});

it('of this process is what Node.js says', () => {
  expect(processMemory(process.pid).resident / (process.memoryUsage.rss() / 1e6)).toBeCloseTo(1, 1);
});
