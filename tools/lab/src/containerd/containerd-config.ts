import type { ContainerdTools } from './containerd-tools.ts';
import { labImage } from './test-image.ts';

/** Where one runtime keeps its things, and the settings in which labs differ. */
export interface ContainerdConfigOptions {
  /** Persistent and temporary state. */
  readonly directory: string;
  readonly criSocket: string;
  readonly nriSocket: string;
  readonly cdiDirectory: string;
  readonly cniDirectory: string;
  /** Whether NRI is off altogether. */
  readonly nriDisabled: boolean;
  /** NRI: ms that a plugin may take to register. */
  readonly registrationTimeoutMs: number;
  /** NRI: ms that a plugin may take to answer a hook. */
  readonly requestTimeoutMs: number;
}

/**
 * containerd's configuration for the lab, as TOML. Version 2 of the format (containerd 1.7) has one table for all of CRI, version 3
 * (2.x) splits it by images and runtime.
 */
export function containerdConfig(tools: ContainerdTools, options: ContainerdConfigOptions): string {
  const { directory } = options;
  const runtime: TomlTable = {
    // The default path lies below a mount that is private to the lab, where bind mounts of namespaces do not reach the runtime's children.
    netns_mounts_under_state_dir: false,
    // Without CAP_SYS_RESOURCE a process may not lower its score, and runc fails with a closed pipe instead of saying so.
    restrict_oom_score_adj: true,
    // Off by default in 1.7, which then ignores CDI devices silently.
    enable_cdi: true,
    cdi_spec_dirs: [options.cdiDirectory],
  };
  const runc: TomlTable = { runtime_type: 'io.containerd.runc.v2' };
  const runcOptions: TomlTable = { BinaryName: tools.runc, SystemdCgroup: false };
  const streaming: TomlTable = { disable_tcp_service: true, stream_server_address: '127.0.0.1' };
  const shared: Readonly<Record<string, TomlTable>> = {
    grpc: { address: options.criSocket },
    ttrpc: { address: `${options.criSocket}.ttrpc` },
    debug: { level: 'debug' },
    [plugin('io.containerd.internal.v1.opt')]: { path: `${directory}/opt` },
    [plugin('io.containerd.nri.v1.nri')]: {
      disable: options.nriDisabled,
      socket_path: options.nriSocket,
      plugin_path: `${directory}/nri/plugins`,
      plugin_config_path: `${directory}/nri/conf.d`,
      plugin_registration_timeout: `${String(options.registrationTimeoutMs)}ms`,
      plugin_request_timeout: `${String(options.requestTimeoutMs)}ms`,
    },
  };
  const cri = plugin('io.containerd.grpc.v1.cri');
  const tables: Readonly<Record<string, TomlTable>> =
    tools.series === '1.7'
      ? {
          [cri]: { sandbox_image: labImage, ...runtime, ...streaming },
          [`${cri}.containerd`]: { snapshotter: 'overlayfs' },
          [`${cri}.containerd.runtimes.runc`]: runc,
          [`${cri}.containerd.runtimes.runc.options`]: runcOptions,
          [`${cri}.cni`]: { bin_dir: tools.cniPlugins, conf_dir: options.cniDirectory },
        }
      : {
          [plugin('io.containerd.cri.v1.images')]: { snapshotter: 'overlayfs' },
          [`${plugin('io.containerd.cri.v1.images')}.pinned_images`]: { sandbox: labImage },
          [plugin('io.containerd.cri.v1.runtime')]: runtime,
          [`${plugin('io.containerd.cri.v1.runtime')}.containerd.runtimes.runc`]: runc,
          [`${plugin('io.containerd.cri.v1.runtime')}.containerd.runtimes.runc.options`]: runcOptions,
          [`${plugin('io.containerd.cri.v1.runtime')}.cni`]: {
            bin_dirs: [tools.cniPlugins],
            conf_dir: options.cniDirectory,
            // The loopback plugin is one of the CNI plugins; bringing `lo` up itself saves the runtime a process.
            use_internal_loopback: true,
          },
          [cri]: streaming,
        };
  const top: TomlTable = {
    version: tools.series === '1.7' ? 2 : 3,
    root: `${directory}/root`,
    state: `${directory}/state`,
    disabled_plugins: disabledPlugins,
  };
  return [tomlLines(top), ...Object.entries({ ...shared, ...tables }).map(tomlTable)].join('\n');
}

/** What a lab never uses and what would only slow the start or complain in the log. */
const disabledPlugins: readonly string[] = [
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.zfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.blockfile',
  'io.containerd.snapshotter.v1.erofs',
  'io.containerd.differ.v1.erofs',
  'io.containerd.tracing.processor.v1.otlp',
  'io.containerd.internal.v1.tracing',
];

type TomlTable = Readonly<Record<string, string | number | boolean | readonly string[]>>;

function plugin(name: string): string {
  return `plugins.'${name}'`;
}

function tomlTable([name, table]: [string, TomlTable]): string {
  return `[${name}]\n${tomlLines(table)}`;
}

/** JSON's strings, numbers, booleans and lists of strings are TOML's as well. */
function tomlLines(table: TomlTable): string {
  return Object.entries(table)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)
    .join('');
}
