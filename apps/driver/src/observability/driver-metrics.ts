import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BackendDevices, RepairOccasion, RepairOutcome } from '@patchbay/core';
import type { DraRequest } from '@patchbay/dra';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds; fine where one veth or macvlan lies, and up to the runtime's deadline. */
const hookBuckets = [0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2];
const claimBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 45];

/** Between attempts to get the port from another instance, in milliseconds. */
const portPauseMs = 500;

/** The driver's Prometheus metrics and health answers. */
export class DriverMetrics {
  readonly #registry = new Registry();
  readonly #hooks = new Histogram({
    name: 'patchbay_hook_duration_seconds',
    help: "From the runtime's request to the driver's answer.",
    labelNames: ['method', 'result'],
    buckets: hookBuckets,
    registers: [this.#registry],
  });
  readonly #claims = new Histogram({
    name: 'patchbay_claim_duration_seconds',
    help: "From the kubelet's request to the driver's answer, for one claim.",
    labelNames: ['method', 'result'],
    buckets: claimBuckets,
    registers: [this.#registry],
  });
  readonly #devices = new Gauge({
    name: 'patchbay_devices',
    help: 'Devices of a backend; one that several claims may have counts once, in whatever form it is published.',
    labelNames: ['backend'],
    registers: [this.#registry],
  });
  readonly #repairs = new Counter({
    name: 'patchbay_repairs_total',
    help: 'What repair has done, by what it did, on which occasion, and whether it succeeded.',
    labelNames: ['action', 'occasion', 'result'],
    registers: [this.#registry],
  });
  readonly #kubeletRegistered = new Gauge({
    name: 'patchbay_kubelet_registered',
    help: '1 while the kubelet has accepted the driver.',
    registers: [this.#registry],
  });
  readonly #runtimeConnected = new Gauge({
    name: 'patchbay_runtime_connected',
    help: '1 while the container runtime is connected over NRI.',
    registers: [this.#registry],
  });
  /** Failed attempts to publish ResourceSlices. */
  readonly publishErrors = new Counter({
    name: 'patchbay_publish_errors_total',
    help: 'Failed attempts to publish ResourceSlices.',
    registers: [this.#registry],
  });

  readonly #onReadiness: (ready: boolean) => void;
  #connections = { kubelet: false, runtime: false };

  /** @param onReadiness called with whether kubelet and runtime are both connected, at each change of either */
  constructor(onReadiness: (ready: boolean) => void = () => {}) {
    this.#onReadiness = onReadiness;
    registerMemory(this.#registry);
  }

  /** Tells whether the kubelet has accepted the registration, or the runtime is connected. */
  observeConnection(peer: 'kubelet' | 'runtime', connected: boolean): void {
    this.#connections = { ...this.#connections, [peer]: connected };
    const gauge = peer === 'kubelet' ? this.#kubeletRegistered : this.#runtimeConnected;
    gauge.set(connected ? 1 : 0);
    this.#onReadiness(this.#connections.kubelet && this.#connections.runtime);
  }

  /** Counts a hook of the runtime: its method, how long the answer took in milliseconds, and the error if it failed. */
  observeHook({ method, durationMs, error }: { method: string; durationMs: number; error?: unknown }): void {
    this.#hooks.observe({ method, result: error === undefined ? 'ok' : 'error' }, durationMs / 1000);
  }

  /** Counts a call of the kubelet for one claim. */
  observeClaim({ method, durationMs, error }: DraRequest): void {
    this.#claims.observe({ method, result: error === undefined ? 'ok' : 'error' }, durationMs / 1000);
  }

  /** Counts an action of repair. */
  observeRepair({ action, error }: RepairOutcome, occasion: RepairOccasion): void {
    this.#repairs.inc({ action: action.kind, occasion, result: error === undefined ? 'ok' : 'error' });
  }

  /** Sets how many devices each backend has. */
  observeDevices(devices: readonly BackendDevices[]): void {
    for (const { kind, devices: ofKind } of devices) {
      const names = new Set(ofKind.map(({ name, slotOf }) => slotOf ?? name));
      this.#devices.set({ backend: kind }, names.size);
    }
  }

  /**
   * Serves `/metrics`, `/healthz` (the process answers) and `/readyz` (kubelet and runtime are connected).
   *
   * @param patient whether to wait for a port that is taken, in the background: by an instance that is about to end (rolling update)
   * @returns the port, and how to end
   */
  async serve(
    address: string,
    port: number,
    patient: boolean,
  ): Promise<{ port: number; close(): Promise<void> }> {
    const server = createServer((request, response) => {
      void this.#answer(request.url ?? '/').then(({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type }).end(body);
      });
    });
    let closed = false;
    try {
      await listen(server, address, port);
    } catch (error) {
      if (!(patient && isTaken(error))) throw error;
      const again = setInterval(() => {
        if (closed || server.listening) clearInterval(again);
        else listen(server, address, port).catch(() => {});
      }, portPauseMs);
      again.unref();
    }
    server.unref();
    return {
      port: (server.address() as AddressInfo | null)?.port ?? port,
      close: () =>
        new Promise((resolve) => {
          closed = true;
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    };
  }

  async #answer(path: string): Promise<{ status: number; type: string; body: string }> {
    const type = 'text/plain; charset=utf-8';
    if (path === '/metrics') {
      return { status: 200, type: this.#registry.contentType, body: await this.#registry.metrics() };
    }
    if (path === '/healthz') return { status: 200, type, body: 'ok\n' };
    if (path !== '/readyz') return { status: 404, type, body: 'try /metrics, /healthz or /readyz\n' };
    const { kubelet, runtime } = this.#connections;
    return {
      status: kubelet && runtime ? 200 : 503,
      type,
      body: `kubelet: ${kubelet ? 'registered' : 'not registered'}\nruntime: ${runtime ? 'connected' : 'not connected'}\n`,
    };
  }
}

function isTaken(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return (cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE';
}

/** Under the name that Prometheus' own libraries use; asked for when it is read. */
function registerMemory(registry: Registry): void {
  const memory = new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory size in bytes.',
    registers: [],
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  registry.registerMetric(memory);
}

async function listen(server: Server, address: string, port: number): Promise<void> {
  server.listen(port, address);
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'the port is taken; choose another metrics.port' : message;
    throw new Error(`cannot serve metrics on ${address}:${port}: ${reason}`, { cause: error });
  }
}
