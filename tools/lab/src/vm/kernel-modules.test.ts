import { describe, expect, test } from 'vitest';
import { parseModuleDependencies, withNeededModules } from './kernel-modules.ts';

const text = `kernel/drivers/dca/dca.ko.xz:
kernel/drivers/net/ethernet/intel/igb/igb.ko.xz: kernel/drivers/i2c/algos/i2c-algo-bit.ko.xz kernel/drivers/dca/dca.ko.xz
kernel/drivers/i2c/algos/i2c-algo-bit.ko.xz:
kernel/drivers/net/veth.ko.xz:
kernel/drivers/net/vethernet/odd.ko.xz:
kernel/fs/9p/9p.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz
`;

describe('withNeededModules', () => {
  const known = parseModuleDependencies(text);

  test('takes a folder with what its modules need, which come first, last named first', () => {
    expect(withNeededModules(known, ['drivers/net/ethernet/intel/igb', 'fs/9p'])).toEqual([
      'kernel/drivers/dca/dca.ko.xz',
      'kernel/drivers/i2c/algos/i2c-algo-bit.ko.xz',
      'kernel/drivers/net/ethernet/intel/igb/igb.ko.xz',
      'kernel/fs/netfs/netfs.ko.xz',
      'kernel/net/9p/9pnet.ko.xz',
      'kernel/fs/9p/9p.ko.xz',
    ]);
  });

  test('takes a module by its name alone, and none whose name only begins like it', () => {
    expect(withNeededModules(known, ['drivers/net/veth'])).toEqual(['kernel/drivers/net/veth.ko.xz']);
  });
});
