import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ociImageArchive } from './oci-image.ts';

interface Descriptor {
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
  readonly annotations?: Record<string, string>;
}

const source = {
  reference: 'registry.example:5000/lab:7',
  architecture: 'amd64',
  command: ['/bin/true'],
  environment: ['PATH=/bin'],
  files: [{ kind: 'file' as const, path: 'bin/true', mode: 0o755, content: Buffer.from('#!/bin/sh\n') }],
};

function member(archive: Buffer, path: string): Buffer {
  return execFileSync('tar', ['--extract', '--to-stdout', path], { input: archive });
}

/** Reads the blob behind a descriptor and checks that the descriptor is true. */
function blob(archive: Buffer, descriptor: Descriptor): Buffer {
  const bytes = member(archive, `blobs/${descriptor.digest.replace(':', '/')}`);
  expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(descriptor.digest);
  expect(bytes.length).toBe(descriptor.size);
  return bytes;
}

describe('ociImageArchive', () => {
  test('chains index, manifest, configuration and layer by true digests and sizes', () => {
    const archive = ociImageArchive(source);
    expect(JSON.parse(member(archive, 'oci-layout').toString())).toEqual({ imageLayoutVersion: '1.0.0' });
    const index = JSON.parse(member(archive, 'index.json').toString()) as { manifests: Descriptor[] };
    const manifestDescriptor = index.manifests[0]!;
    expect(manifestDescriptor.annotations).toEqual({
      'io.containerd.image.name': 'registry.example:5000/lab:7',
      'org.opencontainers.image.ref.name': '7',
    });
    const manifest = JSON.parse(blob(archive, manifestDescriptor).toString()) as {
      config: Descriptor;
      layers: Descriptor[];
    };
    const layerDescriptor = manifest.layers[0]!;
    const layer = blob(archive, layerDescriptor);
    expect(member(layer, 'bin/true').toString()).toBe('#!/bin/sh\n');
    expect(JSON.parse(blob(archive, manifest.config).toString())).toEqual({
      architecture: 'amd64',
      os: 'linux',
      config: { Env: ['PATH=/bin'], Cmd: ['/bin/true'] },
      rootfs: { type: 'layers', diff_ids: [layerDescriptor.digest] },
    });
  });

  test('gives equal bytes for equal sources and other digests for other files', () => {
    const other = { ...source, files: [{ ...source.files[0]!, content: Buffer.from('#!/bin/false\n') }] };
    expect(ociImageArchive(source).equals(ociImageArchive(source))).toBe(true);
    expect(ociImageArchive(source).equals(ociImageArchive(other))).toBe(false);
  });
});
