/** A pod on a real runtime whose interfaces have leases of a real DHCP server. */
import { setTimeout as pause } from 'node:timers/promises';
import { DhcpServer, DriverProcess, type KubeObject, waitUntil } from '@patchbay/lab';
import { linkSet, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { connectNamespaces } from '@patchbay/netlink/testing';
import { expect, it } from 'vitest';
import { backends, TestNode } from '../test-node.ts';

interface ClaimStatus {
  readonly status?: {
    readonly devices?: readonly { readonly networkData?: { readonly ips?: readonly string[] } }[];
  };
}

/** Plugs a DHCP server into the switch that the node's cards are plugged into. */
async function plugInServer(namespace: NetworkNamespace): Promise<DhcpServer> {
  using own = NetworkNamespace.own();
  using socket = RouteSocket.open();
  const [port] = connectNamespaces(
    { namespace: own, name: 'port-dhcp' },
    { namespace, name: 'lan0', addresses: ['192.0.2.1/24'] },
  );
  socket.execute(linkSet(port.index, { master: socket.link({ name: 'fabric' })?.index ?? 0 }));
  return DhcpServer.start({
    ...{ namespace, link: 'lan0', ranges: ['192.0.2.50,192.0.2.99,255.255.255.0,2m'] },
    options: ['dhcp-option=option:T1,1', 'dhcp-option=option:T2,3'],
  });
}

it('a pod has leased addresses that its claims show, keeps them over a restart and a rolling update of the driver, and they go back with it', async () => {
  const node = await TestNode.start({ podUID: 'pod-a' });
  const next = new DriverProcess(node.cluster, backends, {}, 'pod-b');
  using network = NetworkNamespace.create();
  let server: DhcpServer | undefined;
  try {
    server = await plugInServer(network);
    const before = node.host.state('nic0');
    const template = await node.pod([
      { backend: 'macvlan', parameters: { interface: { name: 'lan0', dhcp: { hostName: 'web' } } } },
      { backend: 'hostdev', parameters: { interface: { name: 'card0', dhcp: {} } } },
    ]);
    const pod = await node.cluster.runPod(template);
    const leased = server.leases.map(({ address }) => `${address}/24`).sort();
    expect(leased).toHaveLength(2);
    const shown = await node.cluster.exec(pod, ['ip', 'addr']);
    for (const address of leased) expect(shown).toContain(address);
    await waitUntil(
      'both claims to show the addresses',
      async () => {
        const claims = await Promise.all(
          (template.spec.resourceClaims ?? []).map(({ resourceClaimName = '' }) =>
            node.cluster.get<KubeObject & ClaimStatus>({
              apiVersion: 'resource.k8s.io/v1',
              kind: 'ResourceClaim',
              metadata: { name: resourceClaimName, namespace: 'default' },
            }),
          ),
        );
        const ips = claims.flatMap(({ status }) => status?.devices?.[0]?.networkData?.ips ?? []);
        return leased.every((address) => ips.includes(address));
      },
      { timeoutMs: 5_000 },
    );

    const listed = await node.driver.command('attachments');
    for (const address of leased) expect(listed).toContain(`${address.split('/')[0]}`);
    expect(listed).toContain('(from 192.0.2.1)');

    await node.driver.kill();
    const requests = () => server?.log.match(/DHCPREQUEST/g)?.length ?? 0;
    const asked = requests();
    await node.driver.start();
    await waitUntil(
      () => `both leases to be prolonged by the next driver:\n${node.driver.log.slice(-1500)}`,
      () => requests() >= asked + 2,
      { timeoutMs: 8_000 },
    );
    await next.start();
    const begun = requests();
    await pause(3_000);
    const during = requests() - begun;
    // Of two leases each second; both instances together would ask for four.
    expect(during).toBeGreaterThan(1);
    expect(during).toBeLessThanOrEqual(8);
    await node.driver.kill();
    const alone = requests();
    await waitUntil(
      () => `both leases to be prolonged by the instance that is left:\n${next.log.slice(-1500)}`,
      () => requests() >= alone + 2,
      { timeoutMs: 8_000 },
    );
    expect(server.log.match(/DHCPDISCOVER/g)).toHaveLength(2);

    await node.remove(pod);
    await waitUntil(
      () => `the server to have its addresses back:\n${next.log.slice(-1500)}`,
      () => server?.leases.length === 0,
      { timeoutMs: 8_000 },
    );
    expect(node.leftovers).toEqual([]);
    expect(node.host.state('nic0')).toEqual(before);
  } finally {
    await next.stop();
    await node.stop();
    await server?.destroy();
  }
});
