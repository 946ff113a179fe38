import type { Logger } from '../logging/logger.ts';
import type { PodEvents } from '../status/pod-events.ts';
import type { KeptLease, LeaseListener } from './lease-keeper.ts';

/** Tells of leases in the log, and in the events of the pod that has the interface. */
export function leaseEvents(events: Pick<PodEvents, 'warn' | 'tell'>, logger: Logger): LeaseListener {
  return {
    leaseUnanswered(kept, endsInSeconds) {
      const note = `no DHCP server answers for the address ${kept.leased.lease.address} of ${what(kept)}, which ends in ${endsInSeconds} s; check the DHCP server`;
      logger.warn({ ...fields(kept), endsInSeconds }, 'no DHCP server answers for a lease');
      if (kept.sandbox) events.warn(kept.sandbox, 'NetworkLeaseUnanswered', 'RenewLease', note);
    },
    leaseLost(kept, reason) {
      const note = `${what(kept)} has lost its address ${kept.leased.lease.address}: ${reason}; it is asked for again every minute. Check the DHCP server, or re-create the pod to get another address`;
      logger.error({ ...fields(kept), reason }, 'a pod has lost a leased address');
      if (kept.sandbox) events.warn(kept.sandbox, 'NetworkLeaseLost', 'RenewLease', note);
    },
    leaseRegained(kept) {
      const note = `${what(kept)} has its address ${kept.leased.lease.address} back`;
      logger.info(fields(kept), 'a pod has its leased address back');
      if (kept.sandbox) events.tell(kept.sandbox, 'NetworkLeaseRegained', 'RenewLease', note);
    },
  };
}

function what({ record, device }: KeptLease): string {
  return `interface ${device.interfaceName} (device ${device.pool}/${device.device.name} of claim ${record.claim.name})`;
}

function fields({ record, device, leased, sandbox }: KeptLease): object {
  return {
    claimUID: record.claim.uid,
    ...(sandbox === undefined ? {} : { podUID: sandbox.podUID }),
    interfaceName: device.interfaceName,
    address: leased.lease.address,
  };
}
