import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { enteredContainerdTools, markerFile, openContainerdTools } from './containerd-tools.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tools-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const marker = { layout: 1, series: '1.7', packages: { containerd: '1.7.24' } };

describe('openContainerdTools', () => {
  test('takes a directory for complete only once its marker is there', () => {
    expect(openContainerdTools(directory)).toBeUndefined();
    writeFileSync(markerFile(directory), JSON.stringify(marker));
    expect(openContainerdTools(directory)).toMatchObject({
      series: '1.7',
      directory,
      containerd: join(directory, 'root/usr/bin/containerd'),
      packages: { containerd: '1.7.24' },
    });
  });

  test('does not take over a directory of another layout', () => {
    writeFileSync(markerFile(directory), JSON.stringify({ ...marker, layout: 0 }));
    expect(openContainerdTools(directory)).toBeUndefined();
  });
});

describe('enteredContainerdTools', () => {
  test('finds the runtime that the lab was entered with', () => {
    writeFileSync(markerFile(directory), JSON.stringify(marker));
    expect(enteredContainerdTools({ LAB_CONTAINERD_TOOLS: directory }).series).toBe('1.7');
  });

  test('says how to get into the lab', () => {
    expect(() => enteredContainerdTools({})).toThrow(/LAB_CONTAINERD_TOOLS is not set[^]*enter\.ts COMMAND/);
    expect(() => enteredContainerdTools({ LAB_CONTAINERD_TOOLS: directory })).toThrow(/no containerd in/);
  });
});
