/** Many pods at once, again and again: all come up, and nothing is left. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestNode } from './test-node.ts';

const podsAtOnce = 10;
const rounds = 10;

let node: TestNode;
beforeAll(async () => {
  node = await TestNode.start({ cards: podsAtOnce });
});
afterAll(() => node.stop());

it(`${podsAtOnce} pods at once with a link of each backend, ${rounds} rounds, leave no link, file or descriptor behind`, async () => {
  const links = node.host.linkNames();
  const cards = () => links.filter((name) => name.startsWith('nic')).map((name) => node.host.state(name));
  const cardsBefore = cards();
  let descriptors = 0;
  for (let round = 0; round < rounds; round++) {
    const templates = await Promise.all(
      Array.from({ length: podsAtOnce }, (_, host) =>
        node.pod([
          {
            backend: 'veth',
            parameters: { interface: { name: 'blue0', addresses: [`10.20.0.${host + 1}/24`] } },
          },
          {
            backend: 'macvlan',
            parameters: { interface: { name: 'lan0', addresses: [`10.20.1.${host + 1}/24`] } },
          },
          {
            backend: 'hostdev',
            parameters: { interface: { name: 'fast0', addresses: [`10.20.2.${host + 1}/24`] } },
          },
        ]),
      ),
    );
    const pods = await Promise.all(templates.map((template) => node.cluster.runPod(template)));
    for (const [host, pod] of pods.entries()) {
      const addresses = await node.cluster.exec(pod, ['ip', '-o', 'addr']);
      for (let network = 0; network < 3; network++)
        expect(addresses).toContain(`10.20.${network}.${host + 1}/24`);
      expect(pod.attempts).toEqual({ prepare: 1, sandbox: 1, containers: 1 });
    }
    await Promise.all(pods.map((pod) => node.remove(pod)));
    expect(node.host.linkNames()).toEqual(links);
    expect(cards()).toEqual(cardsBefore);
    expect(node.leftovers).toEqual([]);
    // The first rounds fill caches and pools, which have bounds; the later ones must not add to them.
    if (round < rounds / 2) descriptors = Math.max(descriptors, node.descriptors);
  }
  expect(node.descriptors).toBeLessThanOrEqual(descriptors);
  expect(node.cluster.kubelet.violations).toEqual([]);
});
