import { describe, expect, it } from 'vitest';
import { macvlanConfigSchema } from './macvlan-config.ts';

describe('macvlanConfigSchema', () => {
  it('gives a parent 16 devices, and one in mode passthru', () => {
    const { parents } = macvlanConfigSchema.parse({
      parents: [{ link: 'eth1' }, { link: 'eth2', mode: 'passthru' }],
    });
    expect(parents).toEqual([
      { link: 'eth1', devices: 16, mode: 'bridge' },
      { link: 'eth2', devices: 1, mode: 'passthru' },
    ]);
  });

  it('refuses several devices on a parent in mode passthru, which takes one link', () => {
    const { error } = macvlanConfigSchema.safeParse({
      parents: [{ link: 'eth1', devices: 2, mode: 'passthru' }],
    });
    expect(error?.issues).toEqual([
      expect.objectContaining({
        path: ['parents', 0, 'devices'],
        message: expect.stringContaining("2 links cannot share 'eth1'"),
      }),
    ]);
  });
});
