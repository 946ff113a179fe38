import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { ParametersInvalidError } from '../errors/driver-errors.ts';
import { InterfaceParameters, type ParametersDocument } from './interface-parameters.ts';

const parameters = new InterfaceParameters(
  new Map<string, z.ZodType>([
    ['macvlan', z.strictObject({ mode: z.enum(['bridge', 'private']).default('bridge') })],
    ['veth', z.strictObject({})],
  ]),
);

function document(content: object, source: ParametersDocument['source'] = 'FromClaim'): ParametersDocument {
  return { source, parameters: { apiVersion: 'patchbay.dev/v1alpha1', kind: 'InterfaceConfig', ...content } };
}

function mistakesIn(content: object, kind = 'veth'): string[] {
  try {
    parameters.resolve([document(content)], kind, 'dev0');
  } catch (error) {
    if (error instanceof ParametersInvalidError)
      return error.issues.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('InterfaceParameters', () => {
  it('needs no document and takes the default name', () => {
    expect(parameters.resolve([], 'macvlan', 'dev0')).toEqual({
      interface: { name: 'dev0', addresses: [], routes: [] },
      section: { mode: 'bridge' },
    });
  });

  it("lets a later document's fields win and keeps the earlier one's others", () => {
    const resolved = parameters.resolve(
      [
        document({ interface: { name: 'a', mtu: 9000 }, macvlan: { mode: 'private' } }, 'FromClass'),
        document({ interface: { name: 'b', addresses: ['192.0.2.1/24'] } }),
      ],
      'macvlan',
      'dev0',
    );
    expect(resolved).toEqual({
      interface: { name: 'b', mtu: 9000, addresses: ['192.0.2.1/24'], routes: [] },
      section: { mode: 'private' },
    });
  });

  it('writes addresses, networks and hardware addresses in their canonical form', () => {
    const { interface: setup } = parameters.resolve(
      [
        document({
          interface: {
            addresses: ['2001:DB8:0::0005/64', '192.0.2.7/24'],
            hardwareAddress: '02:AB:00:00:00:01',
          },
          routes: [{ destination: '2001:db8:1::/48', gateway: '2001:0db8::1' }],
        }),
      ],
      'veth',
      'dev0',
    );
    expect(setup).toEqual({
      name: 'dev0',
      addresses: ['2001:db8::5/64', '192.0.2.7/24'],
      hardwareAddress: '02:ab:00:00:00:01',
      routes: [{ destination: '2001:db8:1::/48', gateway: '2001:db8::1' }],
    });
  });

  it('reports all mistakes at once with their paths', () => {
    const mistakes = mistakesIn({
      interface: { name: 'sixteen-letters-', adresses: [], addresses: ['10.0.0.1/33', '10.0.0.2'], mtu: 7 },
      routes: [{ destination: '10.1.2.3/16' }, { destination: '2001:db8::/48', gateway: '10.0.0.1' }],
      sriov: {},
    });
    expect(mistakes.map((mistake) => mistake.split(': ')[0]).sort()).toEqual(
      [
        'interface.name',
        'interface.adresses',
        'interface.addresses[0]',
        'interface.addresses[1]',
        'interface.mtu',
        'routes[0].destination',
        'routes[1].gateway',
        'sriov',
      ].sort(),
    );
    expect(mistakes.join('\n')).toContain(
      "'sixteen-letters-' has 16 characters; an interface name has at most 15",
    );
    expect(mistakes.join('\n')).toContain('unknown field');
    expect(mistakes.join('\n')).toContain('the network is 10.1.0.0/16');
  });

  it.each([
    ['', 'empty'],
    ['a/b', 'leave out'],
    ['a b', 'leave out'],
    ['eth%d', 'leave out'],
    ['..', 'leave out'],
    ['lo', 'loopback'],
  ])('refuses the interface name %j', (name, words) => {
    expect(mistakesIn({ interface: { name } }).join()).toContain(words);
  });

  it.each([
    '224.0.0.1/24',
    '0.0.0.0/8',
    'ff02::1/64',
    '10.0.0.1/24/8',
    '10.0.0/24',
    'fe80::1%eth0/64',
    '1.2.3.4/-1',
  ])('refuses the address %j', (address) => {
    expect(mistakesIn({ interface: { addresses: [address] } })).toHaveLength(1);
  });

  it.each([
    ['127.0.0.1/8', 'loopback'],
    ['127.9.9.9/32', 'loopback'],
    ['::1/128', 'loopback'],
    ['192.0.2.0/24', 'the network itself'],
    ['192.0.2.255/24', 'broadcast'],
    ['192.0.2.3/30', 'broadcast'],
    ['::ffff:192.0.2.1/128', 'write it as IPv4'],
  ])('refuses the address %j in words', (address, words) => {
    expect(mistakesIn({ interface: { addresses: [address] } })).toEqual([expect.stringContaining(words)]);
  });

  it.each(['192.0.2.0/31', '192.0.2.1/31', '192.0.2.0/32', '2001:db8::/64', '192.0.3.0/23'])(
    'accepts the address %j',
    (address) => {
      expect(mistakesIn({ interface: { addresses: [address] } })).toEqual([]);
    },
  );

  it.each([
    [{ destination: '::ffff:192.0.2.0/120' }, 'routes[0].destination'],
    [{ destination: '2001:db8::/64', gateway: '::ffff:192.0.2.1', onlink: true }, 'routes[0].gateway'],
    [{ destination: '2001:db8::/64', source: '::ffff:192.0.2.1' }, 'routes[0].source'],
  ])('refuses the IPv4-mapped address in the route %j', (route, path) => {
    const [mistake] = mistakesIn({ routes: [route] });
    expect(mistake).toContain(`${path}: `);
    expect(mistake).toContain('write it as IPv4');
  });

  it.each([
    [{ interface: { mtu: 1279, addresses: ['2001:db8::1/64'] } }, "'2001:db8::1/64' is IPv6"],
    [{ interface: { mtu: 1279 }, routes: [{ destination: '2001:db8::/64' }] }, "'2001:db8::/64' is IPv6"],
  ])('refuses an MTU that is too small for IPv6: %j', (content, words) => {
    expect(mistakesIn(content)).toEqual([
      expect.stringMatching(/^interface\.mtu: 1279 is less than the 1280/),
    ]);
    expect(mistakesIn(content).join()).toContain(words);
  });

  it('accepts the smallest MTU of IPv6, and a smaller one without IPv6', () => {
    expect(mistakesIn({ interface: { mtu: 1280, addresses: ['2001:db8::1/64'] } })).toEqual([]);
    expect(mistakesIn({ interface: { mtu: 576, addresses: ['192.0.2.1/24'] } })).toEqual([]);
  });

  it('puts routes without gateway first, so that the kernel knows the way to the gateways, and names mistakes as given', () => {
    const via = { destination: '0.0.0.0/0', gateway: '198.51.100.1' };
    const far = { destination: '10.0.0.0/8', gateway: '198.51.100.1' };
    const direct = [{ destination: '198.51.100.1/32' }, { destination: '203.0.113.0/24' }];
    const { interface: setup } = parameters.resolve(
      [document({ routes: [via, direct[0], far, direct[1]] })],
      'veth',
      'dev0',
    );
    expect(setup.routes).toEqual([...direct, via, far]);
    expect(mistakesIn({ routes: [far, { ...direct[1], source: '192.0.2.9' }] })).toEqual([
      expect.stringContaining('routes[0].gateway'),
      expect.stringContaining('routes[1].source'),
    ]);
  });

  it.each(['01:00:5e:00:00:01', '00:00:00:00:00:00', '02:00:00:00:01', 'zz:00:00:00:00:01'])(
    'refuses the hardware address %j',
    (hardwareAddress) => {
      expect(mistakesIn({ interface: { hardwareAddress } })).toHaveLength(1);
    },
  );

  it('refuses a gateway that no address and no link route reaches, which the kernel would refuse later', () => {
    const routes = [{ destination: '0.0.0.0/0', gateway: '198.51.100.1' }];
    expect(mistakesIn({ interface: { addresses: ['192.0.2.1/24'] }, routes }).join()).toContain(
      'routes[0].gateway',
    );
    expect(mistakesIn({ interface: { addresses: ['198.51.100.9/24'] }, routes })).toEqual([]);
    expect(mistakesIn({ routes: [{ destination: '198.51.100.1/32' }, ...routes] })).toEqual([]);
    expect(mistakesIn({ routes: [{ ...routes[0], onlink: true }] })).toEqual([]);
  });

  it('refuses a source address that the interface does not get', () => {
    const routes = [{ destination: '10.0.0.0/8', source: '192.0.2.2' }];
    expect(mistakesIn({ interface: { addresses: ['192.0.2.1/24'] }, routes }).join()).toContain(
      'routes[0].source',
    );
    expect(mistakesIn({ interface: { addresses: ['192.0.2.2/24'] }, routes })).toEqual([]);
  });

  it("checks another backend's section too, and names its field", () => {
    expect(mistakesIn({ macvlan: { mode: 'brigde' } }).join()).toContain('macvlan.mode');
    expect(mistakesIn({ macvlan: { mode: 'private' } })).toEqual([]);
  });

  it.each([
    [{ apiVersion: 'patchbay.dev/v2', kind: 'InterfaceConfig' }, 'apiVersion'],
    [{ apiVersion: 'patchbay.dev/v1alpha1', kind: 'Interface' }, 'kind'],
    ['text', 'expected object'],
    [null, 'expected object'],
  ])('refuses the document %j', (content, path) => {
    const resolve = () => parameters.resolve([{ source: 'FromClaim', parameters: content }], 'veth', 'dev0');
    expect(resolve).toThrow(ParametersInvalidError);
    expect(resolve).toThrow(path);
  });

  it('describes itself as JSON Schema with every field of every backend', () => {
    const schema = JSON.stringify(parameters.jsonSchema());
    for (const field of ['hardwareAddress', 'destination', 'macvlan', 'private', 'additionalProperties']) {
      expect(schema).toContain(field);
    }
  });
});
