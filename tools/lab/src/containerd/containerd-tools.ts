import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { LabUnavailableError } from '../lab-unavailable-error.ts';

/** The lines of containerd that the lab can run: 2.x and the long-lived 1.7. */
export type ContainerdSeries = '2' | '1.7';

/** All series, newest first. */
export const containerdSeries: readonly ContainerdSeries[] = ['2', '1.7'];

/** An unpacked runtime: absolute paths of everything that runs in the lab. */
export interface ContainerdTools {
  readonly series: ContainerdSeries;
  /** Where everything below lies. */
  readonly directory: string;
  readonly containerd: string;
  /** containerd's own client. */
  readonly ctr: string;
  readonly runc: string;
  /** Directories for PATH: containerd starts its shim by name. */
  readonly path: readonly string[];
  /** Directory of the CNI plugins. */
  readonly cniPlugins: string;
  /** Statically linked. */
  readonly busybox: string;
  /** The test image as an OCI archive. */
  readonly image: string;
  /** Debian package versions by package name. */
  readonly packages: Readonly<Record<string, string>>;
}

/** Environment variable that names the directory of the runtime inside the lab. */
export const toolsVariable = 'LAB_CONTAINERD_TOOLS';
/** Environment variable that names the series inside the lab. */
export const seriesVariable = 'LAB_SERIES';

const markerSchema = z.strictObject({
  layout: z.literal(1),
  series: z.enum(['2', '1.7']),
  packages: z.record(z.string(), z.string()),
});

/** What the marker file of a complete directory says. */
export type ToolsMarker = z.infer<typeof markerSchema>;

/** The file that a fetch writes last. */
export function markerFile(directory: string): string {
  return join(directory, 'complete.json');
}

/** Reads a fetched directory; undefined when it is missing, half-made or of an older layout. */
export function openContainerdTools(directory: string): ContainerdTools | undefined {
  const marker = markerFile(directory);
  if (!existsSync(marker)) return undefined;
  const parsed = markerSchema.safeParse(JSON.parse(readFileSync(marker, 'utf8')));
  if (!parsed.success) return undefined;
  const base = resolve(directory);
  const at = (path: string) => join(base, 'root', path);
  return {
    series: parsed.data.series,
    directory: base,
    containerd: at('usr/bin/containerd'),
    ctr: at('usr/bin/ctr'),
    runc: at('usr/sbin/runc'),
    path: [at('usr/bin'), at('usr/sbin')],
    cniPlugins: at('usr/lib/cni'),
    busybox: at('bin/busybox'),
    image: join(base, 'image.tar'),
    packages: parsed.data.packages,
  };
}

/**
 * The runtime of the lab that this process runs in, for tests and programs started by `enter.ts` or `runInLab`.
 *
 * @throws LabUnavailableError outside the lab
 */
export function enteredContainerdTools(environment: NodeJS.ProcessEnv = process.env): ContainerdTools {
  const directory = environment[toolsVariable];
  const tools = directory === undefined ? undefined : openContainerdTools(directory);
  if (tools === undefined) {
    throw new LabUnavailableError(
      directory === undefined ? `${toolsVariable} is not set` : `no containerd in ${directory}`,
      'run this inside the lab: node --conditions=@patchbay/source tools/lab/src/containerd/enter.ts COMMAND…',
    );
  }
  return tools;
}
