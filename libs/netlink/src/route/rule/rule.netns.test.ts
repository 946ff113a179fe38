import { describe, expect, it } from 'vitest';
import { ruleAdd, ruleDelete, RouteSocket } from '../../index.ts';
import { withNamespaces } from '../../testing/index.ts';

describe('rules', () => {
  it('are there from the beginning: local, main, default', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      expect(socket.rules().map(({ family, priority, table }) => [family, priority, table])).toEqual([
        [4, 0, 255],
        [4, 32766, 254],
        [4, 32767, 253],
        [6, 0, 255],
        [6, 32766, 254],
      ]);
    }));

  it('are added as they were asked for, and again from what was read', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      socket.execute(
        ruleAdd({ priority: 100, source: '192.0.2.0/24', table: 1000 }),
        ruleAdd({ priority: 101, destination: '198.51.100.0/24', iif: 'eth9', table: 7, invert: true }),
        ruleAdd({
          priority: 102,
          family: 4,
          fwmark: 0x10,
          fwmask: 0xf0,
          table: 254,
          suppressPrefixLength: 0,
        }),
        ruleAdd({
          priority: 103,
          family: 6,
          oif: 'eth8',
          ipProtocol: 6,
          destinationPorts: { start: 80, end: 443 },
          uidRange: { start: 0, end: 1000 },
          table: 8,
        }),
        ruleAdd({ priority: 104, source: '2001:db8::/32', action: 'unreachable' }),
      );
      const added = () => socket.rules().filter(({ protocol }) => protocol === 4);
      const before = added();
      expect(before).toMatchObject([
        { priority: 100, source: '192.0.2.0/24', table: 1000, action: 'table' },
        { priority: 101, destination: '198.51.100.0/24', iif: 'eth9', table: 7, invert: true },
        { priority: 102, fwmark: 0x10, fwmask: 0xf0, suppressPrefixLength: 0 },
        {
          priority: 103,
          family: 6,
          oif: 'eth8',
          ipProtocol: 6,
          destinationPorts: { start: 80, end: 443 },
        },
        { priority: 104, source: '2001:db8::/32', action: 'unreachable' },
      ]);
      socket.execute(...before.map(ruleDelete));
      expect(added()).toEqual([]);
      socket.execute(...before.map(ruleAdd));
      expect(added()).toEqual(before);
      expect(socket.rules({ family: 6 }).every(({ family }) => family === 6)).toBe(true);
    }));

  it('are refused twice, and when there is none to delete', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const spec = { priority: 100, source: '192.0.2.0/24', table: 1000 };
      expect(() => socket.execute(ruleAdd(spec), ruleAdd(spec))).toThrow(
        expect.objectContaining({ code: 'EEXIST', messageIndex: 1, operation: 'rule add' }),
      );
      expect(() => socket.execute(ruleDelete(spec), ruleDelete(spec))).toThrow(
        expect.objectContaining({ code: 'ENOENT', messageIndex: 1 }),
      );
    }));
});
