import { describeError, errorFields, type Logger } from '@patchbay/core';
import { KubeApi } from '@patchbay/dra';
import { loadForeignLibraries } from '@patchbay/ffi';
import { useForeignLibraries } from '@patchbay/netlink';
import { destination, pino } from 'pino';
import { backendModules } from '../backends.ts';
import { Driver } from '../composition/driver.ts';
import { loadDriverConfig } from '../configuration/load-driver-config.ts';
import { MemoryReturn } from '../memory/memory-return.ts';
import { DriverMetrics } from '../observability/driver-metrics.ts';
import { ReadyMark } from '../observability/ready-mark.ts';

/** How long ending in order may take before the process ends anyway, in milliseconds. */
const stopDeadlineMs = 10_000;
/** Threads for calls that wait for the kernel or a disk. */
const threadPoolSize = 16;

/** `patchbay run`: runs the driver until SIGTERM or SIGINT. */
export async function run(options: { readonly config: string }): Promise<void> {
  const { config, backends } = loadDriverConfig(options.config, backendModules);
  assertRoot();
  // Each link on its way between namespaces holds a thread of libuv's pool for some 16 ms; the pool is made with the first job.
  process.env['UV_THREADPOOL_SIZE'] ??= String(threadPoolSize);
  const logger: Logger = pino(
    {
      level: config.log.level,
      base: { node: config.nodeName },
      timestamp: pino.stdTimeFunctions.isoTime,
      // One line: libraries try again for ever, and a stack of minified code tells nobody anything.
      serializers: { err: describeError },
    },
    destination({ dest: 2, sync: false, minLength: 0 }),
  );
  const libraries = loadForeignLibraries(config.ffi);
  useForeignLibraries(libraries);
  using memory = new MemoryReturn(libraries);
  const mark = new ReadyMark(config.state.directory, config.kubelet.podUID);
  const metrics = new DriverMetrics((ready) => {
    try {
      mark.set(ready);
    } catch (error) {
      logger.error(errorFields(error), 'cannot leave the mark that the startup probe looks for');
    }
  });
  const { kubeconfig, requestTimeoutSeconds, watchSilenceSeconds } = config.kubernetes;
  const api = KubeApi.fromKubeConfig(kubeconfig, {
    requestTimeoutMs: requestTimeoutSeconds * 1000,
    watchSilenceMs: watchSilenceSeconds * 1000,
    userAgent: `patchbay/${config.driverName}`,
  });
  const driver = new Driver({ config, backends, api, libraries, metrics, logger });
  // Before anything is begun: a signal during the start must end that in order too.
  const ended = stopOnSignal(driver, logger);
  const server = await metrics.serve(
    config.metrics.address,
    config.metrics.port,
    config.kubelet.podUID !== '',
  );
  logger.info({ address: config.metrics.address, port: server.port }, 'serving metrics');
  try {
    await driver.start();
    memory.start();
    await ended;
  } catch (error) {
    logger.error(errorFields(error), 'the driver ends for an error');
    throw error;
  } finally {
    await driver.stop().catch(() => {});
    mark.set(false);
    await server.close();
  }
  logger.info({}, 'ended');
}

/** Resolves when a signal has ended the driver in order; rejects when that failed. */
function stopOnSignal(driver: Driver, logger: Logger): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    const stop = (signal: string) => {
      logger.info({ signal }, 'ending');
      setTimeout(() => process.exit(1), stopDeadlineMs).unref();
      resolve(driver.stop());
    };
    process.on('SIGTERM', stop).on('SIGINT', stop);
  });
  // Nobody waits for it yet while the driver starts.
  ended.catch(() => {});
  return ended;
}

function assertRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new Error(
    'patchbay run needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN, to move links between network namespaces, CAP_NET_BROADCAST, to hear of them there); start it as root or in a privileged pod',
  );
}
