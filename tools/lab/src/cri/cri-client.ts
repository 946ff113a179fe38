import { criDescriptor } from '../generated/cri-descriptor.ts';
import { RpcError } from '../grpc/rpc-error.ts';
import { UnaryClient, serviceDefinition } from '../grpc/unary-client.ts';
import type { ContainerDetails, ContainerSpec, ContainerSummary, ExecResult } from './container.ts';
import {
  containerConfig,
  containerState,
  containerSummary,
  podSandboxConfig,
  podSandboxDetails,
  podSandboxSummary,
} from './cri-messages.ts';
import type {
  ContainerMessage,
  ContainerStatusMessage,
  PodSandboxMessage,
  PodSandboxStatusMessage,
} from './cri-messages.ts';
import type { PodSandboxDetails, PodSandboxSpec, PodSandboxSummary } from './pod-sandbox.ts';

const runtimeService = serviceDefinition(criDescriptor, 'runtime.v1.RuntimeService');
const imageService = serviceDefinition(criDescriptor, 'runtime.v1.ImageService');

/** Milliseconds that a call may take; longer where the runtime starts or stops processes. */
const quick = 10_000;
const slow = 60_000;

/**
 * A client of the Container Runtime Interface v1, with the calls that a kubelet makes to run pods. Every call has a deadline and
 * rejects with {@link RpcError}, whose `details` are the runtime's words.
 */
export class CriClient {
  readonly #runtime: UnaryClient;
  readonly #images: UnaryClient;

  /** @param socket path of the runtime's CRI socket; need not exist yet */
  constructor(socket: string) {
    this.#runtime = new UnaryClient(socket, runtimeService);
    this.#images = new UnaryClient(socket, imageService);
  }

  /** The runtime's name and version. */
  async version(): Promise<{ runtimeName: string; runtimeVersion: string }> {
    return this.#runtime.call('Version', {}, { timeoutMs: quick });
  }

  /**
   * Waits until the runtime answers.
   *
   * @param timeoutMs how long
   * @throws RpcError the last failure, when the time is up
   */
  async ready(timeoutMs = slow): Promise<void> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      try {
        await this.version();
        return;
      } catch (error) {
        if (!(error instanceof RpcError) || error.status !== 'UNAVAILABLE' || Date.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    }
  }

  /** Whether the runtime has an image under this reference. */
  async hasImage(reference: string): Promise<boolean> {
    const request = { image: { image: reference } };
    const response = await this.#images.call<{ image: object | null }>('ImageStatus', request, {
      timeoutMs: quick,
    });
    return response.image !== null;
  }

  /**
   * Makes and starts a sandbox: namespaces, CNI, pause process, NRI hooks.
   *
   * @returns the sandbox's id
   */
  async runPodSandbox(
    spec: PodSandboxSpec,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<string> {
    const request = { config: podSandboxConfig(spec) };
    const { podSandboxId } = await this.#runtime.call<{ podSandboxId: string }>('RunPodSandbox', request, {
      timeoutMs: slow,
      ...options,
    });
    return podSandboxId;
  }

  /** Kills the sandbox's processes and undoes its network. Repeatable; succeeds for an unknown sandbox. */
  async stopPodSandbox(podSandboxId: string): Promise<void> {
    await this.#runtime.call('StopPodSandbox', { podSandboxId }, { timeoutMs: slow });
  }

  /** Removes the sandbox and its containers, by force where they run. Repeatable; succeeds for an unknown sandbox. */
  async removePodSandbox(podSandboxId: string): Promise<void> {
    await this.#runtime.call('RemovePodSandbox', { podSandboxId }, { timeoutMs: slow });
  }

  /** A sandbox with its addresses and the path of its network namespace; undefined when the runtime does not know it. */
  async podSandboxStatus(podSandboxId: string): Promise<PodSandboxDetails | undefined> {
    try {
      const request = { podSandboxId, verbose: true };
      const response = await this.#runtime.call<PodSandboxStatusMessage>('PodSandboxStatus', request, {
        timeoutMs: quick,
      });
      return podSandboxDetails(response);
    } catch (error) {
      if (error instanceof RpcError && error.status === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** All sandboxes, optionally those that carry the labels. */
  async listPodSandbox(labels: Readonly<Record<string, string>> = {}): Promise<PodSandboxSummary[]> {
    const request = { filter: { labelSelector: labels } };
    const response = await this.#runtime.call<{ items: PodSandboxMessage[] }>('ListPodSandbox', request, {
      timeoutMs: quick,
    });
    return response.items.map(podSandboxSummary);
  }

  /**
   * Creates a container in a sandbox: CDI edits, then NRI adjustments, then the runtime's own preparations.
   *
   * @param sandbox what the sandbox was made from
   * @returns the container's id
   */
  async createContainer(
    podSandboxId: string,
    container: ContainerSpec,
    sandbox: PodSandboxSpec,
  ): Promise<string> {
    const request = {
      podSandboxId,
      config: containerConfig(container, sandbox),
      sandboxConfig: podSandboxConfig(sandbox),
    };
    const { containerId } = await this.#runtime.call<{ containerId: string }>('CreateContainer', request, {
      timeoutMs: slow,
    });
    return containerId;
  }

  /** Starts a created container. */
  async startContainer(containerId: string): Promise<void> {
    await this.#runtime.call('StartContainer', { containerId }, { timeoutMs: slow });
  }

  /**
   * Stops a container. Repeatable.
   *
   * @param graceSeconds between SIGTERM and SIGKILL; 0 kills at once
   */
  async stopContainer(containerId: string, graceSeconds = 0): Promise<void> {
    const request = { containerId, timeout: graceSeconds };
    await this.#runtime.call('StopContainer', request, { timeoutMs: slow + graceSeconds * 1000 });
  }

  /** Removes a container, by force if it runs. Repeatable. */
  async removeContainer(containerId: string): Promise<void> {
    await this.#runtime.call('RemoveContainer', { containerId }, { timeoutMs: slow });
  }

  /** A container's state and how it ended; undefined when the runtime does not know it. */
  async containerStatus(containerId: string): Promise<ContainerDetails | undefined> {
    try {
      const { status } = await this.#runtime.call<ContainerStatusMessage>(
        'ContainerStatus',
        { containerId },
        {
          timeoutMs: quick,
        },
      );
      if (!status) return undefined;
      const { id, exitCode, reason, message, metadata } = status;
      const { name = '', attempt = 0 } = metadata ?? {};
      return { id, name, attempt, state: containerState(status.state), exitCode, reason, message };
    } catch (error) {
      if (error instanceof RpcError && error.status === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** All containers, optionally those of one sandbox. */
  async listContainers(filter: { readonly podSandboxId?: string } = {}): Promise<ContainerSummary[]> {
    const request = { filter };
    const response = await this.#runtime.call<{ containers: ContainerMessage[] }>('ListContainers', request, {
      timeoutMs: quick,
    });
    return response.containers.map(containerSummary);
  }

  /** Runs a command in a running container and waits for its end. A failing command is a result, not an error. */
  async execSync(
    containerId: string,
    command: readonly string[],
    options: { readonly timeoutSeconds?: number } = {},
  ): Promise<ExecResult> {
    const timeout = options.timeoutSeconds ?? 20;
    const response = await this.#runtime.call<{ stdout: Buffer; stderr: Buffer; exitCode: number }>(
      'ExecSync',
      { containerId, cmd: command, timeout },
      { timeoutMs: (timeout + 10) * 1000 },
    );
    return {
      stdout: response.stdout.toString('utf8'),
      stderr: response.stderr.toString('utf8'),
      exitCode: response.exitCode,
    };
  }

  /** Closes the connection. */
  close(): void {
    this.#runtime.close();
    this.#images.close();
  }
}
