import { linkDelete, RouteSocket } from '@patchbay/netlink';
import { withNamespaces } from '@patchbay/netlink/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { InterfaceConflictError } from '../errors/driver-errors.ts';
import { InterfaceConfigurator } from './interface-configurator.ts';

const hardwareAddress = '02:00:5e:00:53:77';
const setup = { name: 'lan0', hardwareAddress, addresses: ['192.0.2.7/24'], routes: [] };

/** A pod with a fresh macvlan link whose address another macvlan link of the same parent has, as that of a sandbox that is dying. */
function withBusyAddress<T>(
  test: (parts: { attach: () => Promise<void>; pod: RouteSocket; other: () => void }) => Promise<T>,
): Promise<T> {
  return withNamespaces(async ([namespace, host]) => {
    using pod = RouteSocket.open({ namespace });
    using outside = RouteSocket.open({ namespace: host });
    const parent = outside.createLink({
      name: 'card',
      kind: { kind: 'veth', peer: { name: 'cable' } },
      up: true,
    });
    const macvlan = {
      parent: parent.index,
      kind: { kind: 'macvlan', mode: 'bridge' },
      address: hardwareAddress,
    } as const;
    const earlier = outside.createLink({ ...macvlan, name: 'earlier', up: true });
    const link = outside.createLink({ ...macvlan, name: 'lan0', namespace }, pod);
    return await test({
      attach: () =>
        new InterfaceConfigurator().configure(
          { socket: pod, namespace },
          { index: link.index, address: hardwareAddress },
          setup,
        ),
      pod,
      other: () => outside.execute(linkDelete({ index: earlier.index })),
    });
  });
}

describe('a hardware address that another link on the same parent has', () => {
  it('is waited for, because the link may be one of a sandbox that the kernel takes apart', async () => {
    await withBusyAddress(async ({ attach, pod, other }) => {
      const attached = attach();
      await sleep(60);
      expect(pod.link({ name: 'lan0' })?.up).toBe(false);
      other();
      await attached;
      const { up, index = 0 } = pod.link({ name: 'lan0' }) ?? {};
      expect(up).toBe(true);
      const addresses = pod.addresses({ linkIndex: index }).map(({ address }) => address);
      expect(addresses).toContain('192.0.2.7/24');
    });
  });

  it('is refused in words when it does not become free', async () => {
    await withBusyAddress(async ({ attach }) => {
      const attached = attach();
      await expect(attached).rejects.toThrow(InterfaceConflictError);
      await expect(attached).rejects.toThrow(
        "interface 'lan0' in the pod: bringing it up failed: another link on the same parent has the address; give the claim another interface.hardwareAddress",
      );
    });
  });
});
