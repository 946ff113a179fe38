import { createHash } from 'node:crypto';
import { tarArchive } from './tar-archive.ts';
import type { TarEntry } from './tar-archive.ts';

/** What goes into a one-layer image. */
export interface OciImageSource {
  /** Full reference with tag, such as `localhost/lab:1`. */
  readonly reference: string;
  /** The layer's members. */
  readonly files: readonly TarEntry[];
  /** In Go's words: `amd64`, `arm64`. */
  readonly architecture: string;
  /** What a container runs that names no command. */
  readonly command: readonly string[];
  readonly environment: readonly string[];
}

/** A blob of the image: its bytes and how other blobs refer to it. */
interface Blob {
  readonly bytes: Buffer;
  readonly descriptor: { readonly mediaType: string; readonly digest: string; readonly size: number };
}

/**
 * Builds an OCI image layout (OCI image spec 1.0) as an uncompressed tar archive that `ctr images import` reads. Equal sources give
 * equal bytes, hence equal digests.
 */
export function ociImageArchive(source: OciImageSource): Buffer {
  const layer = blob('application/vnd.oci.image.layer.v1.tar', tarArchive(source.files));
  const config = jsonBlob('application/vnd.oci.image.config.v1+json', {
    architecture: source.architecture,
    os: 'linux',
    config: { Env: source.environment, Cmd: source.command },
    rootfs: { type: 'layers', diff_ids: [layer.descriptor.digest] },
  });
  const manifest = jsonBlob('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: config.descriptor,
    layers: [layer.descriptor],
  });
  const tag = source.reference.slice(source.reference.lastIndexOf(':') + 1);
  const index = {
    schemaVersion: 2,
    manifests: [
      {
        ...manifest.descriptor,
        platform: { architecture: source.architecture, os: 'linux' },
        // containerd takes an imported image's full name from its own annotation only.
        annotations: {
          'io.containerd.image.name': source.reference,
          'org.opencontainers.image.ref.name': tag,
        },
      },
    ],
  };
  return tarArchive([
    { kind: 'file', path: 'oci-layout', content: Buffer.from('{"imageLayoutVersion":"1.0.0"}') },
    { kind: 'file', path: 'index.json', content: Buffer.from(JSON.stringify(index)) },
    { kind: 'directory', path: 'blobs' },
    { kind: 'directory', path: 'blobs/sha256' },
    ...[layer, config, manifest].map(({ bytes, descriptor }): TarEntry => ({
      kind: 'file',
      path: `blobs/${descriptor.digest.replace(':', '/')}`,
      content: bytes,
    })),
  ]);
}

function jsonBlob(mediaType: string, value: unknown): Blob {
  return blob(mediaType, Buffer.from(JSON.stringify(value)));
}

function blob(mediaType: string, bytes: Buffer): Blob {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { bytes, descriptor: { mediaType, digest, size: bytes.length } };
}
