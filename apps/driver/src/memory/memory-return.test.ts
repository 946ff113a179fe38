import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadForeignLibraries } from '@patchbay/ffi';
import { describe, expect, it } from 'vitest';
import { MemoryReturn, unwrittenMappings } from './memory-return.ts';

/** Bytes of this process's memory that are pages of files. */
function mappedFiles(): number {
  const [, kib = ''] = /^RssFile:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kib) * 1024;
}

describe('MemoryReturn', () => {
  it('gives back most of the pages of programs, and again when they have come back', () => {
    using memory = new MemoryReturn(loadForeignLibraries());
    for (let round = 0; round < 3; round++) {
      const before = mappedFiles();
      memory.now();
      expect(mappedFiles()).toBeLessThan(before / 2);
      // Works as before, and needs some of it again.
      expect(execFileSync('true').length).toBe(0);
      for (let use = 0; use < 100; use++) new Intl.NumberFormat('de').format(use);
      JSON.parse(JSON.stringify(process.report.getReport()));
    }
  });

  it('asks which mappings were written to only when there are new ones', () => {
    const procfs = mkdtempSync(join(tmpdir(), 'procfs-'));
    try {
      // Where nothing is mapped, so that nothing is lost.
      const [clean, written] = ['00001000-00002000 r-xp', '00003000-00004000 r--p'].map(
        (range) => `${range} 00000000 fe:00 4711 /usr/bin/node`,
      );
      const smaps = join(procfs, 'smaps');
      writeFileSync(join(procfs, 'maps'), `${clean}\n${written}\n`);
      writeFileSync(smaps, `${clean}\nAnonymous:   0 kB\n${written}\nAnonymous:   4 kB\n`);
      using memory = new MemoryReturn(loadForeignLibraries(), procfs);
      memory.now();
      rmSync(smaps);
      memory.now();
      writeFileSync(join(procfs, 'maps'), `${clean}\n${written}\n${clean?.replace('node', 'other')}\n`);
      expect(() => memory.now()).toThrow('smaps');
    } finally {
      rmSync(procfs, { recursive: true });
    }
  });

  it('gives back only after growth, stops when it is disposed of, and does not keep the process alive', () => {
    const program = `
      const { MemoryReturn } = await import(${JSON.stringify(`${import.meta.dirname}/memory-return.ts`)});
      const { loadForeignLibraries } = await import('@patchbay/ffi');
      const memory = new MemoryReturn(loadForeignLibraries());
      memory.start(200);
      const now = memory.now.bind(memory);
      memory.now = () => now() ?? console.log('given back');
      const stopped = new MemoryReturn(loadForeignLibraries());
      stopped.now = () => console.log('not stopped');
      stopped.start(200);
      stopped[Symbol.dispose]();
      setTimeout(() => console.log('ended'), 700);`;
    const flags = ['--conditions=@patchbay/source', '--experimental-strip-types', '--input-type=module'];
    const output = execFileSync(process.execPath, [...flags, '-e', program], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 10_000,
    });
    expect(output).toMatch(/^(given back\n)+ended\n$/);
  });
});

describe('unwrittenMappings', () => {
  function mapping(range: string, permissions: string, file: string, anonymous: number): string {
    return `${range} ${permissions} 00000000 fe:00 4711 ${file}
Size:                 64 kB
Rss:                  48 kB
Anonymous:          ${String(anonymous).padStart(6)} kB
VmFlags: rd ex mr mw me
`;
  }

  it('has program text and constants, and nothing that was or can be written to', () => {
    const smaps = [
      mapping('00400000-00746000', 'r--p', '/usr/bin/node', 0),
      mapping('0074a000-03044000', 'r-xp', '/usr/bin/node', 0),
      // Filled in by the dynamic linker and protected then.
      mapping('06b52000-06b60000', 'r--p', '/usr/bin/node', 56),
      mapping('06b60000-06b80000', 'rw-p', '/usr/bin/node', 0),
      mapping('7f0000000000-7f0000010000', 'r-xp', '', 0),
      mapping('7f0000020000-7f0000030000', 'r--s', '/run/shared', 0),
      mapping('7ffd00000000-7ffd00002000', 'r-xp', '[vdso]', 0),
    ].join('');
    expect([...unwrittenMappings(smaps)]).toEqual([
      '00400000-00746000 r--p 00000000 fe:00 4711 /usr/bin/node',
      '0074a000-03044000 r-xp 00000000 fe:00 4711 /usr/bin/node',
    ]);
  });
});
