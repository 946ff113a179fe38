import { join } from 'node:path';
import { type Link, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import type { PodSandbox } from '@patchbay/nri';

/** A pod's sandbox, as a runtime makes one: a namespace pinned at a path. */
export class ProofPod {
  readonly sandbox: PodSandbox;
  readonly path: string;
  #namespace: NetworkNamespace | undefined;

  /** @param directory where namespaces are pinned */
  constructor(directory: string, name: string, attempt = 0) {
    this.path = join(directory, `${name}-${attempt}`);
    this.#namespace = NetworkNamespace.create();
    this.#namespace.pin(this.path);
    this.sandbox = {
      ...{ id: `sandbox-${name}-${attempt}`, uid: name, name, namespace: 'default' },
      ...{ labels: {}, annotations: {}, runtimeHandler: '', ips: [], networkNamespacePath: this.path },
    };
  }

  get namespace(): NetworkNamespace {
    if (this.#namespace === undefined) throw new Error(`pod ${this.sandbox.name} is dead`);
    return this.#namespace;
  }

  get alive(): boolean {
    return this.#namespace !== undefined;
  }

  /** The pod's links but the loopback. */
  links(): readonly Link[] {
    using socket = RouteSocket.open({ namespace: this.namespace });
    return socket.links().filter(({ encapsulation }) => encapsulation !== 'loopback');
  }

  /** Addresses of a link, without what the kernel makes by itself. */
  addresses(linkIndex: number): readonly string[] {
    using socket = RouteSocket.open({ namespace: this.namespace });
    return socket
      .addresses({ linkIndex })
      .filter(({ scope }) => scope !== 'link')
      .map(({ address }) => address);
  }

  /** Takes the namespace away, as a runtime does when the pod has ended. It dies with what is in it, unless something else holds it. */
  end(): void {
    if (this.#namespace === undefined) return;
    NetworkNamespace.unpin(this.path);
    this.#namespace.close();
    this.#namespace = undefined;
  }
}
