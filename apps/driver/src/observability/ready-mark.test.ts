import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ReadyMark, readyMarkPath } from './ready-mark.ts';

let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'ready-mark-'));
});
afterEach(() => rmSync(state, { recursive: true }));

describe('the mark of an instance that is ready', () => {
  it('is there while it is, and not from an earlier life', () => {
    const mark = new ReadyMark(state, 'pod-a');
    const path = readyMarkPath(state, 'pod-a');
    expect(existsSync(path)).toBe(false);
    mark.set(true);
    mark.set(true);
    expect(existsSync(path)).toBe(true);
    mark.set(false);
    mark.set(false);
    expect(existsSync(path)).toBe(false);
    mark.set(true);
    new ReadyMark(state, 'pod-a');
    expect(existsSync(path)).toBe(false);
  });

  it('says nothing of other instances, and goes in the end when its instance was killed', () => {
    new ReadyMark(state, 'pod-a').set(true);
    new ReadyMark(state, 'pod-b');
    expect(readdirSync(join(state, 'ready'))).toEqual(['pod-a']);
    const old = new Date(Date.now() - 2 * 3_600_000);
    utimesSync(readyMarkPath(state, 'pod-a'), old, old);
    new ReadyMark(state, '');
    expect(readdirSync(join(state, 'ready'))).toEqual([]);
  });
});
