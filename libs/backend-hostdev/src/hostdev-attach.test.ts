import type { DeviceRequest, HostLinks, LinkPlaces, MovedLinks } from '@patchbay/core';
import { describe, expect, it } from 'vitest';
import { HostdevAttach } from './hostdev-attach.ts';

const link = { index: 7, name: 'eth1', altnames: [], mtu: 1500, minMtu: 256, maxMtu: 9216 };

function prepare(mtu: number) {
  const hostLinks = { state: async () => ({ links: [link], wiring: new Map() }) } as unknown as HostLinks;
  const request: DeviceRequest = {
    claim: { uid: 'claim-uid', namespace: 'default', name: 'claim' },
    request: 'net',
    device: { name: 'eth1', identity: 'link/7/', links: [7], attributes: {} },
    interface: { name: 'fast0', addresses: [], routes: [], mtu },
    parameters: {},
  };
  return new HostdevAttach(hostLinks, {} as MovedLinks, {} as LinkPlaces).prepare(
    request,
    new AbortController().signal,
  );
}

describe('a claim for a whole link', () => {
  it.each([
    [255, 'interface.mtu: 255 is less than link eth1 can do (256)'],
    [9217, 'interface.mtu: 9217 is more than link eth1 can do (9216)'],
  ])('is refused with MTU %i', async (mtu, words) => {
    await expect(prepare(mtu)).rejects.toThrow(words);
  });
});
