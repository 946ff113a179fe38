import { describe, expect, it } from 'vitest';
import { decodeUevent } from './uevent.ts';

const decode = (text: string) => decodeUevent(Buffer.from(text), Buffer.byteLength(text));

describe('uevents', () => {
  it('are read with all their properties', () => {
    const text = [
      'move@/devices/virtual/net/eth1',
      'ACTION=move',
      'DEVPATH=/devices/virtual/net/eth1',
      'SUBSYSTEM=net',
      'DEVPATH_OLD=/devices/virtual/net/eth0',
      'INTERFACE=eth1',
      'IFINDEX=7',
      'EMPTY=',
      'URL=a=b',
      '',
    ].join('\0');
    expect(decode(text)).toEqual({
      action: 'move',
      devicePath: '/devices/virtual/net/eth1',
      subsystem: 'net',
      properties: {
        ACTION: 'move',
        DEVPATH: '/devices/virtual/net/eth1',
        SUBSYSTEM: 'net',
        DEVPATH_OLD: '/devices/virtual/net/eth0',
        INTERFACE: 'eth1',
        IFINDEX: '7',
        EMPTY: '',
        URL: 'a=b',
      },
    });
  });

  it('are told from the messages of udev', () => {
    expect(decode('libudev\0\xfe\xed\xca\xfe')).toBeUndefined();
    expect(decode('')).toBeUndefined();
  });

  it('keep to their length', () => {
    const bytes = Buffer.from('add@/a\0ACTION=add\0STALE=1\0');
    expect(decodeUevent(bytes, 'add@/a\0ACTION=add\0'.length)?.properties).toEqual({ ACTION: 'add' });
  });
});
