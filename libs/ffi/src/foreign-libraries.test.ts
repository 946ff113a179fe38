// Long because: it is one contract, which both adapters must keep.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AdapterName, FdWatch, ForeignLibraries, ForeignLibrary } from './index.ts';
import {
  AdapterUnavailableError,
  LibraryLoadError,
  loadForeignLibraries,
  SymbolNotFoundError,
} from './index.ts';

const EBADF = 9;
const ENOENT = 2;
const entry = fileURLToPath(new URL('./index.ts', import.meta.url));

for (const adapter of ['koffi', 'ffi-napi'] as const) contract(adapter);

/** What every adapter must do. */
function contract(adapter: AdapterName): void {
  const absence = absenceOf(adapter);
  if (absence !== undefined) {
    // koffi is prebuilt everywhere; ffi-napi needs a compiler at installation.
    it(`ABSENT, its contract was not tested: ${absence.message}`, () => {
      expect(adapter).toBe('ffi-napi');
      expect(absence.message).toMatch(/compiler.*npm install ffi-napi/);
    });
    return;
  }
  describe(`adapter ${adapter}`, () => {
    let libraries: ForeignLibraries;
    let libc: ForeignLibrary;
    beforeAll(() => {
      libraries = loadForeignLibraries(adapter);
      libc = libraries.load(null);
    });

    describe('functions', () => {
      it('is loaded once', () => {
        expect(libraries.adapter).toBe(adapter);
        expect(loadForeignLibraries(adapter)).toBe(libraries);
      });

      it('passes and returns integers, negative ones too', () => {
        const abs = libc.declare({ name: 'abs', parameters: ['int'], result: 'int' });
        expect(abs.call(-7)).toBe(7);
        const toupper = libc.declare({ name: 'toupper', parameters: ['int'], result: 'int' });
        expect(toupper.call(-1)).toBe(-1);
        expect(libc.declare({ name: 'getpid', parameters: [], result: 'int' }).call()).toBe(process.pid);
        expect(libc.declare({ name: 'htonl', parameters: ['uint'], result: 'uint' }).call(0xff)).toBe(
          0xff00_0000,
        );
      });

      it('passes 64-bit integers without losing bits', () => {
        const labs = libc.declare({ name: 'llabs', parameters: ['int64'], result: 'int64' });
        expect(labs.call(-(2n ** 60n) - 1n)).toBe(2n ** 60n + 1n);
        expect(labs.call(5n)).toBe(5n);
        const same = libc.declare({ name: 'llabs', parameters: ['uint64'], result: 'uint64' });
        expect(same.call(2n ** 62n + 3n)).toBe(2n ** 62n + 3n);
      });

      it('passes and returns text, and null for NULL', () => {
        expect(libc.declare({ name: 'strerror', parameters: ['int'], result: 'string' }).call(ENOENT)).toBe(
          'No such file or directory',
        );
        expect(libc.declare({ name: 'strlen', parameters: ['string'], result: 'size' }).call('zürich')).toBe(
          7,
        );
        const getenv = libc.declare({ name: 'getenv', parameters: ['string'], result: 'string' });
        expect(getenv.call('PATCHBAY_NOT_SET')).toBeNull();
      });

      it('writes into the bytes of the caller, at their offset', () => {
        const memset = libc.declare({
          name: 'memset',
          parameters: ['buffer', 'int', 'size'],
          result: 'pointer',
        });
        const bytes = Buffer.alloc(16);
        const address = memset.call(bytes.subarray(4, 8), 0x41, 4);
        expect(bytes.toString('latin1')).toBe('\0\0\0\0AAAA\0\0\0\0\0\0\0\0');
        expect(address).toBe(libraries.addressOf(bytes) + 4n);
      });

      it('reads memory that a function returned, and builds structures with pointers', () => {
        const malloc = libc.declare({ name: 'malloc', parameters: ['size'], result: 'pointer' });
        const free = libc.declare({ name: 'free', parameters: ['pointer'], result: 'void' });
        const readv = libc.declare({
          name: 'memcpy',
          parameters: ['pointer', 'buffer', 'size'],
          result: 'pointer',
        });
        const pointer = malloc.call(5);
        expect(readv.call(pointer, Buffer.from('patch'), 5)).toBe(pointer);
        const copy = libraries.readMemory(pointer, 5);
        expect(free.call(pointer)).toBeUndefined();
        expect(copy.toString()).toBe('patch');

        const target = Buffer.alloc(8);
        const vector = Buffer.alloc(16);
        vector.writeBigUInt64LE(libraries.addressOf(target), 0);
        vector.writeBigUInt64LE(8n, 8);
        const zero = openSync('/proc/self/comm', 'r');
        const read = libc.declare({ name: 'readv', parameters: ['int', 'buffer', 'int'], result: 'ssize' });
        expect(read.call(zero, vector, 1)).toBeGreaterThan(0);
        closeSync(zero);
        expect(target[0]).not.toBe(0);
      });

      it('keeps errno of a failed call, whatever is called afterwards', () => {
        const close = libc.declare({ name: 'close', parameters: ['int'], result: 'int', errno: true });
        const open = libc.declare({
          name: 'open',
          parameters: ['string', 'int'],
          result: 'int',
          errno: true,
        });
        expect(close.errno).toBe(0);
        expect(close.call(-1)).toBe(-1);
        expect(open.call('/does/not/exist', 0)).toBe(-1);
        expect([close.errno, open.errno]).toEqual([EBADF, ENOENT]);
      });

      it('keeps errno of a failed call that returned ssize_t or NULL', () => {
        const read = libc.declare({
          name: 'read',
          parameters: ['int', 'buffer', 'size'],
          result: 'ssize',
          errno: true,
        });
        expect(read.call(-1, Buffer.alloc(1), 1)).toBe(-1);
        expect(read.errno).toBe(EBADF);
        const opendir = libc.declare({
          name: 'opendir',
          parameters: ['string'],
          result: 'pointer',
          errno: true,
        });
        expect(opendir.call('/does/not/exist')).toBe(0n);
        expect(opendir.errno).toBe(ENOENT);
      });

      it('refuses arguments of the wrong sort', () => {
        const abs = libc.declare({ name: 'abs', parameters: ['int'], result: 'int' });
        expect(() => abs.call('7' as unknown as number)).toThrow(TypeError);
        const strlen = libc.declare({ name: 'strlen', parameters: ['string'], result: 'size' });
        expect(() => strlen.call(7 as unknown as string)).toThrow(TypeError);
      });

      it('says which library or function is missing', () => {
        expect(() => libraries.load('libpatchbay-missing.so.9')).toThrow(LibraryLoadError);
        expect(() => libraries.load('libpatchbay-missing.so.9')).toThrow(
          /libpatchbay-missing\.so\.9.*(cannot open|no such file)/i,
        );
        const declare = () => libc.declare({ name: 'patchbay_missing', parameters: [], result: 'int' });
        expect(declare).toThrow(SymbolNotFoundError);
        expect(declare).toThrow(/no function 'patchbay_missing'/);
      });

      it('loads a library by name', () => {
        const named = libraries.load('libc.so.6');
        expect(named.path).toBe('libc.so.6');
        expect(named.declare({ name: 'getpid', parameters: [], result: 'int' }).call()).toBe(process.pid);
      });

      it('calls 100,000 times without growing', () => {
        const read = libc.declare({
          name: 'read',
          parameters: ['int', 'buffer', 'size'],
          result: 'ssize',
          errno: true,
        });
        const bytes = Buffer.alloc(64);
        const calls = (count: number) => {
          for (let call = 0; call < count; call++) read.call(-1, bytes, bytes.length);
        };
        calls(20_000);
        globalThis.gc?.();
        const before = process.memoryUsage.rss();
        calls(100_000);
        expect(process.memoryUsage.rss() - before).toBeLessThan(16 * 1024 * 1024);
      });
    });

    describe('asynchronous calls', () => {
      it('leave the event loop running', async () => {
        const usleep = libc.declare({ name: 'usleep', parameters: ['uint'], result: 'int' });
        let ticks = 0;
        const timer = setInterval(() => ticks++, 5);
        expect(await usleep.callAsync(100_000)).toBe(0);
        clearInterval(timer);
        expect(ticks).toBeGreaterThan(5);
      });

      it('may be many at once, each with its own arguments', async () => {
        const memset = libc.declare({
          name: 'memset',
          parameters: ['buffer', 'int', 'size'],
          result: 'pointer',
        });
        const buffers = Array.from({ length: 50 }, () => Buffer.alloc(1024));
        await Promise.all(buffers.map((bytes, index) => memset.callAsync(bytes, index + 1, bytes.length)));
        expect(buffers.every((bytes, index) => bytes.every((byte) => byte === index + 1))).toBe(true);
      });

      it('keep their bytes alive until they return', async () => {
        const usleep = libc.declare({ name: 'usleep', parameters: ['uint'], result: 'int' });
        const memset = libc.declare({
          name: 'memset',
          parameters: ['buffer', 'int', 'size'],
          result: 'pointer',
        });
        // The sleepers hold the pool's threads while the collector runs, the writers come after them.
        const sleepers = Array.from({ length: 8 }, () => usleep.callAsync(20_000));
        const writers = Array.from({ length: 20 }, () => memset.callAsync(Buffer.alloc(100_000), 1, 100_000));
        for (let round = 0; round < 5; round++) {
          globalThis.gc?.();
          await sleep(2);
        }
        expect(await Promise.all(sleepers)).toEqual(Array<number>(8).fill(0));
        expect((await Promise.all(writers)).every((address) => address !== 0n)).toBe(true);
      });

      it('convert results and leave errno of synchronous calls alone', async () => {
        const read = libc.declare({
          name: 'read',
          parameters: ['int', 'buffer', 'size'],
          result: 'ssize',
          errno: true,
        });
        expect(await read.callAsync(-1, Buffer.alloc(1), 1)).toBe(-1);
        expect(read.errno).toBe(0);
        const strerror = libc.declare({ name: 'strerror', parameters: ['int'], result: 'string' });
        expect(await strerror.callAsync(ENOENT)).toBe('No such file or directory');
        const labs = libc.declare({ name: 'llabs', parameters: ['int64'], result: 'int64' });
        expect(await labs.callAsync(-5n)).toBe(5n);
      });

      it('report what is thrown after them as any other promise does', () => {
        const script = `process.on('uncaughtException', ({ message }) => process.exit(Number(message)));
          eventfd.callAsync(0, 0).then(() => { throw new Error('8'); });`;
        expect(run(adapter, script)).toBe(8);
      });

      it('reject arguments of the wrong sort', async () => {
        const abs = libc.declare({ name: 'abs', parameters: ['int'], result: 'int' });
        await expect(abs.callAsync('7' as unknown as number)).rejects.toThrow(TypeError);
      });
    });

    describe('polling', () => {
      const open: number[] = [];
      const watches: FdWatch[] = [];
      afterEach(() => {
        for (const watch of watches.splice(0)) watch.close();
        for (const fd of open.splice(0)) closeSync(fd);
      });
      const eventfd = () => {
        const create = libc.declare({ name: 'eventfd', parameters: ['uint', 'int'], result: 'int' });
        const fd = create.call(0, 0o4000);
        open.push(fd);
        return fd;
      };
      const signal = (fd: number) => {
        const one = Buffer.alloc(8);
        one.writeUInt8(1);
        writeSync(fd, one);
      };
      const poll = (fd: number, onReadable: () => void) => {
        const watch = libraries.poll(fd, onReadable);
        watches.push(watch);
        return watch;
      };

      it('calls back when there is something to read, and not before', async () => {
        const fd = eventfd();
        const onReadable = vi.fn(() => void readSync(fd, Buffer.alloc(8)));
        poll(fd, onReadable);
        await sleep(30);
        expect(onReadable).not.toHaveBeenCalled();
        for (let round = 1; round <= 3; round++) {
          signal(fd);
          await vi.waitFor(() => expect(onReadable).toHaveBeenCalledTimes(round));
        }
      });

      it('calls back again for what was left unread', async () => {
        const fd = eventfd();
        let calls = 0;
        poll(fd, () => {
          if (++calls === 3) readSync(fd, Buffer.alloc(8));
        });
        signal(fd);
        await vi.waitFor(() => expect(calls).toBe(3));
        await sleep(30);
        expect(calls).toBe(3);
      });

      it('does not call back after it was closed, also by its own callback', async () => {
        const first = eventfd();
        const second = eventfd();
        let calls = 0;
        const watch = poll(first, () => {
          calls++;
          watch.close();
          watch.close();
        });
        const never = vi.fn();
        poll(second, never).close();
        signal(second);
        signal(first);
        await sleep(50);
        expect(calls).toBe(1);
        expect(never).not.toHaveBeenCalled();
      });

      it('watches many descriptors, and can watch one again', async () => {
        const fds = Array.from({ length: 40 }, eventfd);
        const seen = new Set<number>();
        for (const fd of fds) {
          poll(fd, () => {
            readSync(fd, Buffer.alloc(8));
            seen.add(fd);
          });
        }
        for (const fd of fds) signal(fd);
        await vi.waitFor(() => expect(seen.size).toBe(40));
        for (const watch of watches.splice(0)) watch.close();
        const [fd = -1] = fds;
        const again = vi.fn(() => void readSync(fd, Buffer.alloc(8)));
        poll(fd, again);
        signal(fd);
        await vi.waitFor(() => expect(again).toHaveBeenCalledOnce());
      });

      it('calls back for an error, and goes on until it is closed', async () => {
        const pipe = Buffer.alloc(8);
        libc.declare({ name: 'pipe', parameters: ['buffer'], result: 'int' }).call(pipe);
        const [readEnd, writeEnd] = [pipe.readInt32LE(0), pipe.readInt32LE(4)];
        open.push(writeEnd);
        const onReadable = vi.fn();
        const watch = poll(writeEnd, onReadable);
        closeSync(readEnd);
        await vi.waitFor(() => expect(onReadable.mock.calls.length).toBeGreaterThan(2));
        watch.close();
        const calls = onReadable.mock.calls.length;
        await sleep(20);
        expect(onReadable).toHaveBeenCalledTimes(calls);
      });

      it('runs promises that the callback settles, and reports what it throws', () => {
        const alone = `process.on('exit', () => { if (process.exitCode !== 5) process.exitCode = 1; });`;
        const settle = `const watch = libraries.poll(fd, () => {
          Promise.resolve().then(() => { process.exitCode = 5; watch.close(); });
        });`;
        expect(run(adapter, `${alone} ${settle} ${signalScript}`)).toBe(5);
        const fail = `process.on('uncaughtException', ({ message }) => process.exit(Number(message)));
          libraries.poll(fd, () => { throw new Error('6'); });`;
        expect(run(adapter, `${fail} ${signalScript}`)).toBe(6);
      });

      it('refuses a regular file', () => {
        const fd = openSync(entry, 'r');
        open.push(fd);
        expect(() => poll(fd, () => undefined)).toThrow();
      });

      it('lets the process end by itself once closed, and at once by process.exit', () => {
        expect(
          run(adapter, `const watch = libraries.poll(fd, () => {}); setTimeout(() => watch.close(), 50);`),
        ).toBe(0);
        expect(run(adapter, `libraries.poll(fd, () => {}); setTimeout(() => process.exit(7), 50);`)).toBe(7);
      });
    });
  });
}

describe('ffi-napi in a worker thread', () => {
  it('is refused instead of crashing the process', async () => {
    const worker = new Worker(
      `import { parentPort } from 'node:worker_threads';
       const { loadForeignLibraries } = await import(${JSON.stringify(entry)});
       try { loadForeignLibraries('ffi-napi'); } catch (error) { parentPort.postMessage(error.message); }`,
      { eval: true, execArgv: ['--experimental-strip-types', '--input-type=module'] },
    );
    const message = await new Promise<string>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    expect(message).toMatch(/'ffi-napi' is not available: it crashes in worker threads/);
  });
});

/** Makes the eventfd of {@link run} readable. */
const signalScript = `(await import('node:fs')).writeSync(fd, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]));`;

/** Runs a script in a process of its own, with `libraries` and an eventfd `fd`. Returns its exit code. */
function run(adapter: AdapterName, script: string): number | null {
  const source = `
    const { loadForeignLibraries } = await import(${JSON.stringify(entry)});
    const libraries = loadForeignLibraries('${adapter}');
    const eventfd = libraries.load(null).declare({ name: 'eventfd', parameters: ['uint', 'int'], result: 'int' });
    const fd = eventfd.call(0, 0);
    ${script}`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', source], { timeout: 10_000 }).status;
}

function absenceOf(adapter: AdapterName): AdapterUnavailableError | undefined {
  try {
    loadForeignLibraries(adapter);
    return undefined;
  } catch (error) {
    if (error instanceof AdapterUnavailableError) return error;
    throw error;
  }
}
