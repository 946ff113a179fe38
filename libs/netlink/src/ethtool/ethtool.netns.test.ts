import { describe, expect, it } from 'vitest';
import { EthtoolSocket, RouteSocket } from '../index.ts';
import { withNamespaces } from '../testing/index.ts';

/** A socket in a new namespace with a veth link. */
function withLink<T>(test: (ethtool: EthtoolSocket, linkIndex: number) => Promise<T>): Promise<T> {
  return withNamespaces(async ([host]) => {
    using socket = RouteSocket.open({ namespace: host });
    using ethtool = EthtoolSocket.open({ namespace: host });
    return await test(ethtool, socket.createLink({ name: 'a', kind: { kind: 'veth' } }).index);
  });
}

describe('features', () => {
  it('are read with what the link lets change', () =>
    withLink(async (ethtool, linkIndex) => {
      const features = await ethtool.features(linkIndex);
      expect(features['tx-tcp-segmentation']).toEqual({ active: true, wanted: true, changeable: true });
      expect(features['rx-vlan-filter']).toEqual({ active: false, wanted: false, changeable: false });
      expect(features['vlan-challenged']?.changeable).toBe(false);
      expect(Object.keys(features).length).toBeGreaterThan(50);
    }));

  it('are changed, and what did not come out as asked is told', () =>
    withLink(async (ethtool, linkIndex) => {
      const unmet = await ethtool.setFeatures(linkIndex, {
        'tx-tcp-segmentation': false,
        'tx-tcp6-segmentation': false,
        'rx-vlan-filter': true,
      });
      expect(unmet).toEqual(['rx-vlan-filter']);
      const features = await ethtool.features(linkIndex);
      expect(features['tx-tcp-segmentation']).toEqual({ active: false, wanted: false, changeable: true });
      expect(features['tx-tcp6-segmentation']?.active).toBe(false);
      expect(features['tx-checksum-ip-generic']?.active).toBe(true);
      expect(await ethtool.setFeatures(linkIndex, { 'tx-tcp-segmentation': true })).toEqual([]);
    }));

  it('that need one that is off are wanted and not active', () =>
    withLink(async (ethtool, linkIndex) => {
      await ethtool.setFeatures(linkIndex, { 'tx-scatter-gather': false });
      expect((await ethtool.features(linkIndex))['tx-generic-segmentation']).toMatchObject({
        active: false,
        wanted: true,
      });
      expect(await ethtool.setFeatures(linkIndex, { 'tx-generic-segmentation': true })).toEqual([
        'tx-generic-segmentation',
      ]);
    }));

  it('are refused by name, and then none is changed', () =>
    withLink(async (ethtool, linkIndex) => {
      const change = ethtool.setFeatures(linkIndex, {
        'tx-tcp-segmentation': false,
        'no-such-feature': true,
      });
      await expect(change).rejects.toMatchObject({
        operation: 'ethtool features set',
        extack: 'bit name not found',
      });
      expect((await ethtool.features(linkIndex))['tx-tcp-segmentation']?.active).toBe(true);
    }));

  it('of a link that is not there are an error, and several requests may be under way', () =>
    withLink(async (ethtool, linkIndex) => {
      const wrong = ethtool.features(linkIndex + 100);
      const right = Array.from({ length: 20 }, () => ethtool.features(linkIndex));
      await expect(wrong).rejects.toMatchObject({ code: 'ENODEV' });
      expect(new Set((await Promise.all(right)).map((features) => Object.keys(features).length)).size).toBe(
        1,
      );
    }));
});

describe('private flags', () => {
  it('are none for a driver without any, and then cannot be set', () =>
    withLink(async (ethtool, linkIndex) => {
      expect(await ethtool.privateFlags(linkIndex)).toEqual({});
      await expect(ethtool.setPrivateFlags(linkIndex, { any: true })).rejects.toMatchObject({
        code: 'EOPNOTSUPP',
      });
      await expect(ethtool.privateFlags(linkIndex + 100)).rejects.toMatchObject({ code: 'ENODEV' });
    }));
});
