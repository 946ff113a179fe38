import { describe, expect, test } from 'vitest';
import { kubeletRelease } from './kubelet-release.ts';

describe('kubeletRelease', () => {
  test.each([
    ['1.32', 'v1.32.0', false, false],
    ['v1.33.4', 'v1.33.4', true, false],
    ['1.34.1', 'v1.34.1', true, true],
  ])('of %s is %s: several instances %s, connections watched %s', (text, version, several, watches) => {
    expect(kubeletRelease(text)).toMatchObject({
      version,
      severalInstances: several,
      wipesLater: several,
      watchesConnections: watches,
    });
  });

  test('speaks v1 from 1.34 on, and the stable version of health from 1.37 on', () => {
    expect(kubeletRelease('1.33').draServices).toEqual(['v1beta1.DRAPlugin']);
    expect(kubeletRelease('1.34').draServices).toEqual(['v1.DRAPlugin', 'v1beta1.DRAPlugin']);
    expect(kubeletRelease('1.33').healthServices).toEqual([]);
    expect(kubeletRelease('1.36').healthServices).toEqual(['v1alpha1.DRAResourceHealth']);
    expect(kubeletRelease('1.37').healthServices).toEqual([
      'v1.DRAResourceHealth',
      'v1alpha1.DRAResourceHealth',
    ]);
  });

  test.each(['1.31', '2.0', 'latest', ''])("does not know '%s'", (text) => {
    expect(() => kubeletRelease(text)).toThrow(RangeError);
  });
});
