import type { DeviceRequest, HostLinks, LinkPlaces, CreatedLinks } from '@patchbay/core';
import { describe, expect, it } from 'vitest';
import { MacvlanAttach } from './macvlan-attach.ts';
import { macvlanConfigSchema, type MacvlanMode } from './macvlan-config.ts';

const parent = { index: 7, name: 'eth1', altnames: [], mtu: 1500, address: '02:00:5e:00:53:01' };

/** All that the node's kernel is asked for is possible. */
const createdLinks = { assertCanCreate: async () => undefined } as unknown as CreatedLinks;

/** Prepares a device of a parent configured with one mode for a claim that asks for another. */
function prepare(configured: MacvlanMode, asked?: MacvlanMode) {
  const hostLinks = { state: async () => ({ links: [parent], wiring: new Map() }) } as unknown as HostLinks;
  const config = macvlanConfigSchema.parse({ parents: [{ link: 'eth1', mode: configured }] });
  const request: DeviceRequest = {
    claim: { uid: 'claim-uid', namespace: 'default', name: 'claim' },
    request: 'net',
    device: { name: 'eth1-0', identity: 'macvlan/eth1/0', links: [7], attributes: {} },
    interface: { name: 'lan0', addresses: [], routes: [] },
    parameters: asked === undefined ? {} : { mode: asked },
  };
  return new MacvlanAttach(hostLinks, createdLinks, {} as LinkPlaces, config).prepare(
    request,
    new AbortController().signal,
  );
}

describe('a claim for a macvlan link', () => {
  it('may not ask for passthru on a shared parent, and hears what to configure', async () => {
    await expect(prepare('bridge', 'passthru')).rejects.toThrow(
      /macvlan\.mode: passthru takes the whole of parent eth1.*configure the parent with mode: passthru/,
    );
  });

  it('may not ask for another mode on a parent configured for passthru', async () => {
    await expect(prepare('passthru', 'private')).rejects.toThrow(
      /macvlan\.mode: parent eth1 is configured with mode passthru.*configure the parent with mode: private/,
    );
  });

  it.each([
    ['passthru', undefined, 'passthru'],
    ['passthru', 'passthru', 'passthru'],
    ['bridge', 'vepa', 'vepa'],
    ['private', undefined, 'private'],
  ] as const)('on a parent with mode %s that asks for %s gets %s', async (configured, asked, mode) => {
    expect(await prepare(configured, asked)).toMatchObject({ mode });
  });
});
