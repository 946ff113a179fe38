import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ContainerGate } from './container-gate.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gate-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const claim = { uid: '7b1c', namespace: 'default', name: 'storage' };

describe('ContainerGate', () => {
  it('has a file only while it is open, and opens and closes repeatedly', () => {
    const gate = new ContainerGate(directory);
    expect(existsSync(gate.path(claim))).toBe(false);
    gate.open(claim);
    gate.open(claim);
    expect(existsSync(gate.path(claim))).toBe(true);
    gate.close(claim);
    gate.close(claim);
    expect(existsSync(gate.path(claim))).toBe(false);
  });

  it('is made closed, and forgotten with its folder', () => {
    const gate = new ContainerGate(directory);
    gate.make(claim);
    gate.open(claim);
    gate.make(claim);
    expect(existsSync(gate.path(claim))).toBe(false);
    gate.forget(claim);
    gate.forget(claim);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('says in its path what is missing, because users read it in the events of the pod', () => {
    expect(new ContainerGate('/run/patchbay/gates').path(claim)).toBe(
      '/run/patchbay/gates/network-of-claim-default-storage-is-not-attached-yet-7b1c/attached',
    );
  });

  it('keeps path components within what the file system allows', () => {
    const long = { uid: '7b1c', namespace: 'n'.repeat(63), name: 'c'.repeat(253) };
    const gate = new ContainerGate(directory);
    gate.open(long);
    expect(existsSync(gate.path(long))).toBe(true);
  });

  it('tells the gates of unknown claims and removes them by name', () => {
    const gate = new ContainerGate(directory);
    const other = { ...claim, uid: 'other' };
    gate.open(claim);
    gate.open(other);
    const strangers = gate.strangers([claim]);
    expect(strangers).toEqual([expect.stringContaining('other')]);
    for (const name of strangers) gate.remove(name);
    expect(existsSync(gate.path(claim))).toBe(true);
    expect(readdirSync(directory)).toHaveLength(1);
  });
});
