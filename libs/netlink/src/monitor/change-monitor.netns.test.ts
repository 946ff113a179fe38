import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import {
  addressAdd,
  ChangeMonitor,
  type ChangeMonitorOptions,
  linkDelete,
  linkSet,
  type NetworkNamespace,
  routeAdd,
  RouteSocket,
  ruleAdd,
} from '../index.ts';
import { withNamespaces } from '../testing/index.ts';

/** Opens a monitor whose calls are counted. */
function counted(namespace: NetworkNamespace, more: Partial<ChangeMonitorOptions> = {}) {
  const onChange = vi.fn();
  const monitor = ChangeMonitor.open({
    namespace,
    groups: ['link', 'address', 'route'],
    onChange,
    ...more,
  });
  return { monitor, onChange };
}

describe('a change monitor', () => {
  it('tells once of any number of changes, and again after it was armed', () =>
    withNamespaces(async ([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      // Only links that are up tell of a new alias.
      socket.execute(linkSet(1, { up: true }));
      const { monitor, onChange } = counted(host);
      using _monitor = monitor;
      for (let round = 1; round <= 3; round++) {
        expect(monitor.changed).toBe(false);
        for (let number = 0; number < 2000; number++) socket.execute(linkSet(1, { alias: `${number}` }));
        // Known before it can be told.
        expect(monitor.changed).toBe(true);
        await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(round));
        socket.execute(linkSet(1, { alias: 'later' }));
        await sleep(20);
        expect(onChange).toHaveBeenCalledTimes(round);
        monitor.arm();
      }
      // What was forgotten when it was armed is not told.
      await sleep(20);
      expect(onChange).toHaveBeenCalledTimes(3);
    }));

  it.each([
    ['a link', () => linkSet(1, { alias: 'a' })],
    ['an address', () => addressAdd({ linkIndex: 1, address: '192.0.2.1/32' })],
    ['a default route', () => routeAdd({ destination: '0.0.0.0/0', linkIndex: 1, table: 7 })],
    ['an IPv6 default route', () => routeAdd({ destination: '::/0', linkIndex: 1, table: 7 })],
    ['half of a default route', () => routeAdd({ destination: '128.0.0.0/1', linkIndex: 1 })],
  ])('tells of %s', (_what, request) =>
    withNamespaces(async ([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      socket.execute(linkSet(1, { up: true }));
      const { monitor, onChange } = counted(host);
      using _monitor = monitor;
      socket.execute(request());
      await vi.waitFor(() => expect(onChange).toHaveBeenCalledOnce());
    }),
  );

  it('is not woken by narrow routes, nor by what it does not listen to', () =>
    withNamespaces(async ([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      socket.execute(linkSet(1, { up: true }));
      const { monitor, onChange } = counted(host);
      using _monitor = monitor;
      socket.execute(
        routeAdd({ destination: '10.0.0.0/8', linkIndex: 1 }),
        routeAdd({ destination: '2001:db8::/32', linkIndex: 1 }),
        ruleAdd({ priority: 9, family: 4, table: 9 }),
      );
      await sleep(50);
      expect(monitor.changed).toBe(false);
      expect(onChange).not.toHaveBeenCalled();
    }));

  it('tells of uevents of the subsystems that count', () =>
    withNamespaces(async ([host]) => {
      const heard = counted(host, { groups: [], subsystems: ['mem'] });
      const other = counted(host, { groups: [], subsystems: ['pci'] });
      using _heard = heard.monitor;
      using _other = other.monitor;
      for (let round = 1; round <= 2; round++) {
        // Told to all namespaces, as uevents of hardware are.
        writeFileSync('/sys/class/mem/null/uevent', 'change');
        await vi.waitFor(() => expect(heard.onChange).toHaveBeenCalledTimes(round));
        heard.monitor.arm();
      }
      await sleep(20);
      expect(other.onChange).not.toHaveBeenCalled();
    }));

  it('leaves the uevents of software links to the groups', () =>
    withNamespaces(async ([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const { monitor, onChange } = counted(host, { groups: [], subsystems: ['net'] });
      using _monitor = monitor;
      const { index } = socket.createLink({ name: 'a', kind: { kind: 'veth' } });
      socket.execute(linkSet(index, { name: 'b' }), linkDelete({ index }));
      await sleep(20);
      expect(monitor.changed).toBe(false);
      expect(onChange).not.toHaveBeenCalled();
    }));

  it('is silent once closed', () =>
    withNamespaces(async ([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      socket.execute(linkSet(1, { up: true }));
      const { monitor, onChange } = counted(host, { subsystems: ['net'] });
      socket.execute(linkSet(1, { alias: 'a' }));
      monitor.close();
      monitor.close();
      monitor.arm();
      await sleep(20);
      expect(onChange).not.toHaveBeenCalled();
    }));
});
