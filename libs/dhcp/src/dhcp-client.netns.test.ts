import { loadForeignLibraries } from '@patchbay/ffi';
import { addressAdd, linkSet, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { connectNamespaces } from '@patchbay/netlink/testing';
import { DhcpServer, waitUntil } from '@patchbay/lab';
import { afterEach, describe, expect, it } from 'vitest';
import {
  acquireDhcpv4,
  acquireDhcpv6,
  confirmDhcpv4,
  type Dhcpv4Link,
  type Dhcpv6Link,
  releaseDhcpv4,
  releaseDhcpv6,
  renewDhcpv4,
  renewDhcpv6,
} from './index.ts';

const libraries = loadForeignLibraries();
const mac = (index: number) => `02:00:5e:10:00:${index.toString(16).padStart(2, '0')}`;
const patience = { timeoutMs: 5_000 };

interface Network extends AsyncDisposable {
  readonly server: DhcpServer;
  readonly link: Dhcpv4Link & Dhcpv6Link;
  readonly client: NetworkNamespace;
  readonly serverNamespace: NetworkNamespace;
}

const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
});

async function network(
  options: readonly string[] = [],
  range = '192.0.2.50,192.0.2.99,255.255.255.0,2m',
): Promise<Network> {
  const client = NetworkNamespace.create();
  const serverNamespace = NetworkNamespace.create();
  const [near] = connectNamespaces(
    { namespace: client, name: 'nic0', addresses: ['fe80::c/64'] },
    { namespace: serverNamespace, name: 'lan', addresses: ['192.0.2.1/24', '2001:db8::1/64'] },
  );
  const server = await DhcpServer.start({
    namespace: serverNamespace,
    link: 'lan',
    ranges: [range, '2001:db8::50,2001:db8::99,64,2m'],
    options,
  });
  const made: Network = {
    ...{ server, client, serverNamespace },
    link: {
      ...{ libraries, namespace: client, linkIndex: near.index, name: 'nic0' },
      hardwareAddress: near.address ?? '',
      linkLocalAddress: 'fe80::c',
    },
    async [Symbol.asyncDispose]() {
      await server.destroy();
      client.close();
      serverNamespace.close();
    },
  };
  open.push(made);
  return made;
}

describe('DHCPv4 with a real server', () => {
  it('gets an address with all that belongs to it, prolongs it and gives it back', async () => {
    const { server, link, client } = await network([
      'dhcp-option=option:mtu,1400',
      'dhcp-option=option:dns-server,192.0.2.53',
      'dhcp-option=option:T1,7',
      'dhcp-option=option:T2,9',
      'dhcp-option=option:classless-static-route,198.51.100.0/24,192.0.2.7,0.0.0.0/0,192.0.2.1',
    ]);
    const lease = await acquireDhcpv4(link, { hardwareAddress: mac(1), hostName: 'pod-1' }, patience);
    expect(lease).toMatchObject({
      family: 4,
      server: '192.0.2.1',
      validFor: 120,
      renewAfter: 7,
      rebindAfter: 9,
      mtu: 1400,
      dnsServers: ['192.0.2.53'],
      routes: [
        { destination: '198.51.100.0/24', gateway: '192.0.2.7' },
        { destination: '0.0.0.0/0', gateway: '192.0.2.1' },
      ],
    });
    expect(lease.address).toMatch(/^192\.0\.2\.[5-9]\d\/24$/);
    const address = lease.address.split('/')[0] ?? '';
    expect(server.leases).toContainEqual({ client: mac(1), address, hostName: 'pod-1' });

    expect(await confirmDhcpv4(link, lease, patience)).toMatchObject({ kind: 'lease' });
    using socket = RouteSocket.open({ namespace: client });
    // The server resolves the address: it must be there, and answer for its hardware address.
    socket.execute(
      linkSet(link.linkIndex, { address: mac(1) }),
      addressAdd({ linkIndex: link.linkIndex, address: lease.address }),
    );
    const renewed = await renewDhcpv4(link, lease, 'server', patience);
    expect(renewed).toMatchObject({ kind: 'lease', lease: { address: lease.address } });
    expect(renewed.kind === 'lease' && renewed.lease.obtainedAt).toBeGreaterThan(lease.obtainedAt);
    expect(await renewDhcpv4(link, lease, 'anyone', patience)).toMatchObject({ kind: 'lease' });
    await releaseDhcpv4(link, lease, 1_000);
    await waitUntil('the server to have its address back', () => server.leases.length === 0, {
      timeoutMs: 5_000,
    });
  });

  it('gives twenty clients at once twenty addresses', async () => {
    const { server, link } = await network();
    const leases = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        acquireDhcpv4(link, { hardwareAddress: mac(index) }, { timeoutMs: 10_000 }),
      ),
    );
    expect(new Set(leases.map(({ address }) => address)).size).toBe(20);
    expect(server.leases).toHaveLength(20);
  });

  it('declines an address that another host has, and takes the next', async () => {
    const { server, link, serverNamespace } = await network([], '192.0.2.50,192.0.2.51,255.255.255.0,2m');
    using socket = RouteSocket.open({ namespace: serverNamespace });
    const index = socket.link({ name: 'lan' })?.index ?? 0;
    const first = await acquireDhcpv4(link, { hardwareAddress: mac(1) }, patience);
    await releaseDhcpv4(link, first, 1_000);
    await waitUntil('the server to have its address back', () => server.leases.length === 0, {
      timeoutMs: 5_000,
    });
    socket.execute(addressAdd({ linkIndex: index, address: first.address.replace('/24', '/32') }));
    const second = await acquireDhcpv4(link, { hardwareAddress: mac(1) }, { timeoutMs: 8_000 });
    expect(second.address).not.toBe(first.address);
    expect(server.log).toContain('DHCPDECLINE');
  });

  it('says so when the server takes an address away, when nobody answers, and when it is called off', async () => {
    const { server, link } = await network();
    const lease = await acquireDhcpv4(link, { hardwareAddress: mac(1) }, patience);
    const foreign = { ...lease, address: '198.51.100.9/24' };
    expect(await confirmDhcpv4(link, foreign, patience)).toMatchObject({ kind: 'refused', message: /wrong/ });
    await server.stop();
    await expect(acquireDhcpv4(link, { hardwareAddress: mac(2) }, { timeoutMs: 300 })).rejects.toThrow(
      'no DHCPv4 server on nic0 gave an address within 0.3 s',
    );
    expect(await confirmDhcpv4(link, lease, { timeoutMs: 100 })).toEqual({ kind: 'silence' });
    const signal = AbortSignal.timeout(50);
    const called = acquireDhcpv4(link, { hardwareAddress: mac(2) }, { timeoutMs: 5_000, signal });
    await expect(called).rejects.toThrow(/timeout/);
  });
});

describe('DHCPv6 with a real server', () => {
  it('gets an address, prolongs it and gives it back', async () => {
    const { server, link } = await network(['dhcp-option=option6:dns-server,[2001:db8::53]']);
    const lease = await acquireDhcpv6(link, { hardwareAddress: mac(1), hostName: 'pod-1' }, patience);
    expect(lease).toMatchObject({ family: 6, validFor: 120, dnsServers: ['2001:db8::53'] });
    expect(lease.address).toMatch(/^2001:db8::[5-9][0-9a-f]\/128$/);
    expect(server.leases).toContainEqual(expect.objectContaining({ address: lease.address.split('/')[0] }));
    for (const whom of ['server', 'anyone'] as const) {
      expect(await renewDhcpv6(link, lease, whom, patience)).toMatchObject({
        kind: 'lease',
        lease: { address: lease.address },
      });
    }
    await releaseDhcpv6(link, lease, { timeoutMs: 2_000 });
    expect(server.leases).toEqual([]);
    expect(server.log).toContain('DHCPRELEASE');
  });

  it('is done after one exchange where the server commits rapidly', async () => {
    const { server, link } = await network(['dhcp-rapid-commit']);
    const lease = await acquireDhcpv6(link, { hardwareAddress: mac(1) }, patience);
    expect(lease.family).toBe(6);
    expect(server.log).not.toContain('DHCPREQUEST');
  });

  it('says why when a lease is not the client’s any more, and when no server answers', async () => {
    const { server, link } = await network();
    const lease = await acquireDhcpv6(link, { hardwareAddress: mac(1) }, patience);
    await releaseDhcpv6(link, lease, { timeoutMs: 2_000 });
    const answer = await renewDhcpv6(link, lease, 'server', patience);
    expect(answer).toMatchObject({ kind: 'refused', message: /NoBinding|NotOnLink/ });
    await server.stop();
    await expect(acquireDhcpv6(link, { hardwareAddress: mac(2) }, { timeoutMs: 300 })).rejects.toThrow(
      'no DHCPv6 server on nic0 gave an address within 0.3 s',
    );
  });
});
