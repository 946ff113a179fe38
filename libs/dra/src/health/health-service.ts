import type { ServerWritableStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { DeviceHealth, DeviceHealthFeed } from './device-health-feed.ts';

/** Longer messages are refused or cut by the kubelet. */
const longestMessage = 1024;

/** Implements `DRAResourceHealth` (both versions) from a feed. Streams end when `signal` is aborted. */
export function healthService(feed: DeviceHealthFeed, signal: AbortSignal): UntypedServiceImplementation {
  return {
    NodeWatchResources(call: ServerWritableStream<unknown, unknown>) {
      const unsubscribe = feed.subscribe((devices) =>
        call.write(healthMessage(devices, feed.timeoutSeconds)),
      );
      const end = () => {
        finish();
        call.end();
      };
      const finish = () => {
        unsubscribe();
        signal.removeEventListener('abort', end);
      };
      call.on('cancelled', finish);
      call.on('error', finish);
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
    },
  };
}

function healthMessage(devices: readonly DeviceHealth[], timeoutSeconds: number): object {
  // A repeated report says that the state still holds, so it carries the present time.
  const lastUpdatedTime = Math.floor(Date.now() / 1000);
  return {
    devices: devices.map(({ pool, device, health, message }) => ({
      device: { poolName: pool, deviceName: device },
      health: health.toUpperCase(),
      lastUpdatedTime,
      healthCheckTimeoutSeconds: Math.ceil(timeoutSeconds),
      message: (message ?? '').slice(0, longestMessage),
    })),
  };
}
