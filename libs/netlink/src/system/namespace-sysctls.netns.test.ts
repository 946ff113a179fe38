import { describe, expect, it } from 'vitest';
import { NamespaceSysctls, type NetworkNamespace, RouteSocket, SysctlError } from '../index.ts';
import { withNamespaces } from '../testing/index.ts';

/** A namespace with a veth link of that name. */
function withLink<T>(
  name: string,
  test: (sysctls: NamespaceSysctls, host: NetworkNamespace) => T,
): Promise<T> {
  return withNamespaces(([host]) => {
    using socket = RouteSocket.open({ namespace: host });
    socket.createLink({ name, kind: { kind: 'veth' } });
    return test(new NamespaceSysctls(host), host);
  });
}

describe('settings of a namespace', () => {
  it('are read and written there and not here', () =>
    withLink('fast0.5', (sysctls, host) => {
      const path = 'ipv4/conf/fast0.5/arp_ignore';
      expect(sysctls.read([path, 'ipv4/conf/missing/arp_ignore'])).toEqual({ [path]: '0' });
      sysctls.write([
        { path, value: '2' },
        { path: 'ipv6/conf/fast0.5/disable_ipv6', value: '1' },
        { path: 'ipv4/neigh/fast0.5/ucast_solicit', value: '7' },
      ]);
      expect(
        sysctls.read(['ipv6/conf/fast0.5/disable_ipv6', path, 'ipv4/neigh/fast0.5/ucast_solicit']),
      ).toEqual({
        'ipv6/conf/fast0.5/disable_ipv6': '1',
        [path]: '2',
        'ipv4/neigh/fast0.5/ucast_solicit': '7',
      });
      using socket = RouteSocket.open({ namespace: host });
      const { index = 0 } = socket.link({ name: 'fast0.5' }) ?? {};
      expect(socket.ipv4Configuration(index)?.arpIgnore).toBe(2);
      expect(new NamespaceSysctls().read([path])).toEqual({});
    }));

  it('are read by the directory', () =>
    withLink('fast0', (sysctls) => {
      const values = sysctls.readDirectories([
        'ipv4/conf/fast0',
        'ipv6/conf/fast0',
        'ipv6/neigh/fast0',
        'ipv6/conf/missing',
      ]);
      expect(values).toMatchObject({
        'ipv4/conf/fast0/rp_filter': expect.stringMatching(/^\d$/),
        'ipv6/conf/fast0/accept_ra': '1',
        'ipv6/neigh/fast0/retrans_time_ms': '1000',
      });
      expect(Object.keys(values).some((path) => path.includes('missing'))).toBe(false);
    }));

  it('are refused with the setting that was wrong, and those before it are written', () =>
    withLink('fast0', (sysctls) => {
      const write = (path: string, value: string) => () =>
        sysctls.write([
          { path: 'ipv6/conf/fast0/accept_ra', value: '2' },
          { path, value },
        ]);
      expect(write('ipv6/conf/fast0/addr_gen_mode', '9')).toThrow(
        "setting net/ipv6/conf/fast0/addr_gen_mode to '9' failed: EINVAL",
      );
      expect(sysctls.read(['ipv6/conf/fast0/accept_ra'])).toEqual({ 'ipv6/conf/fast0/accept_ra': '2' });
      expect(write('ipv6/conf/fast1/accept_ra', '1')).toThrow(
        expect.objectContaining({ name: 'SysctlError', code: 'ENOENT', path: 'ipv6/conf/fast1/accept_ra' }),
      );
      expect(write('ipv6/conf/fast0/no_such_setting', '1')).toThrow(SysctlError);
      expect(write('../kernel/hostname', 'x')).toThrow("not '../kernel/hostname'");
    }));
});
