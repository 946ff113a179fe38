import type { RouteSocket } from '@patchbay/netlink';
import { type Link, RouteMonitor, type Route } from '@patchbay/netlink';
import { nodeWiring } from '../inventory/node-wiring.ts';

/** The host's links as of one look at the kernel. */
export interface HostState {
  readonly links: readonly Link[];
  /** Why a link is the node's own wiring and not for pods, by index. */
  readonly wiring: ReadonlyMap<number, string>;
}

/**
 * The host's links, read once for all backends: one monitor tells when they changed, and only then the kernel is asked again.
 */
export class HostLinks {
  readonly #socket: RouteSocket;
  readonly #listeners = new Set<() => void>();
  #state: Promise<HostState> | undefined;
  #monitor: RouteMonitor | undefined;

  /** @param socket in the host's namespace; stays the caller's to close */
  constructor(socket: RouteSocket) {
    this.#socket = socket;
  }

  /** The links now. Without a running {@link watch} the kernel is asked every time. */
  async state(): Promise<HostState> {
    const state = (this.#state ??= this.#look());
    if (this.#monitor === undefined) this.#state = undefined;
    try {
      return await state;
    } catch (error) {
      if (this.#state === state) this.#state = undefined;
      throw error;
    }
  }

  /** Calls `onChange` when links, or the routes that make them the node's own, may have changed, until the signal is aborted. */
  watch(onChange: () => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(onChange);
    this.#monitor ??= RouteMonitor.open({
      groups: ['link', 'address', 'route'],
      onEvents: () => this.#changed(),
      onOverflow: () => this.#changed(),
    });
    signal.addEventListener('abort', () => this.#unwatch(onChange), { once: true });
  }

  #changed(): void {
    this.#state = undefined;
    for (const listener of this.#listeners) listener();
  }

  #unwatch(onChange: () => void): void {
    this.#listeners.delete(onChange);
    if (this.#listeners.size > 0) return;
    this.#monitor?.close();
    this.#monitor = undefined;
    this.#state = undefined;
  }

  async #look(): Promise<HostState> {
    const links = await this.#socket.linksAsync();
    const defaults: Route[] = this.#socket.routes().filter(({ destination }) => destination.endsWith('/0'));
    return { links, wiring: nodeWiring(links, defaults) };
  }
}
