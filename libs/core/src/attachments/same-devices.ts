import type { AllocatedClaim } from '@patchbay/dra';
import { ClaimMismatchError } from '../errors/driver-errors.ts';
import type { ClaimRecord } from './claim-record.ts';

/** @throws ClaimMismatchError when a claim is prepared with other devices than those that it has now */
export function assertSameDevices(record: ClaimRecord, claim: AllocatedClaim): void {
  const key = (request: string, pool: string, device: string, shareId?: string) =>
    [request, pool, device, shareId ?? ''].join(' ');
  const recorded = record.devices.map(({ request, pool, device, shareId }) =>
    key(request, pool, device.name, shareId),
  );
  const asked = claim.devices.map(({ request, pool, device, shareId }) =>
    key(request, pool, device, shareId),
  );
  if (recorded.join('\n') !== asked.join('\n')) {
    throw new ClaimMismatchError(
      `claim ${claim.namespace}/${claim.name} is prepared with other devices (${recorded.join(', ')}) than it is allocated now (${asked.join(', ')}); delete its pods so that it is unprepared first`,
    );
  }
}
