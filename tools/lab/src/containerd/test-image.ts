import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ociImageArchive } from './oci-image.ts';

/** The image that every lab runtime has: a static busybox with all its applets. Also the pods' pause image. */
export const labImage = 'localhost/lab:1';

/**
 * Builds the lab's test image around a static busybox.
 *
 * @param busybox path of the binary; it is also asked for its applets
 * @returns an OCI layout as tar archive
 */
export function testImageArchive(busybox: string): Buffer {
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' })
    .split('\n')
    .filter((name) => name !== '' && name !== 'busybox');
  const directories = ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'var'];
  return ociImageArchive({
    reference: labImage,
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    command: ['/bin/sleep', '2147483647'],
    environment: ['PATH=/bin'],
    files: [
      ...directories.map((path) => ({ kind: 'directory' as const, path })),
      { kind: 'file', path: 'etc/passwd', content: Buffer.from('root:x:0:0:root:/:/bin/sh\n') },
      { kind: 'file', path: 'bin/busybox', mode: 0o755, content: readFileSync(busybox) },
      ...applets.map((name) => ({ kind: 'symlink' as const, path: `bin/${name}`, target: 'busybox' })),
    ],
  });
}
