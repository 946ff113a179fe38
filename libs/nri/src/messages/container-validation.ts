import type { Container } from './container.ts';
import type { PodSandbox } from './pod-sandbox.ts';

/** What all plugins together want to change about a container, for the plugin that approves or rejects it (NRI ≥ 0.10). */
export interface ContainerValidation {
  readonly pod: PodSandbox;
  /** As it was before any plugin. */
  readonly container: Container;
  /** The joined adjustment, field by field as in NRI's ContainerAdjustment message. */
  readonly adjustment: Readonly<Record<string, unknown>>;
  /** Joined updates of other containers, field by field as in NRI's ContainerUpdate message. */
  readonly updates: readonly Readonly<Record<string, unknown>>[];
  /** Which plugin set what, as in NRI's OwningPlugins message. */
  readonly owners: Readonly<Record<string, unknown>>;
  /** The plugins that were asked. */
  readonly plugins: readonly PluginInstance[];
}

/** A plugin that is registered with the runtime. */
export interface PluginInstance {
  readonly name: string;
  /** Two digits. */
  readonly index: string;
}
