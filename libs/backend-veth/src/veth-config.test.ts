import { zodIssues } from '@patchbay/core';
import { describe, expect, it } from 'vitest';
import { vethConfigSchema } from './veth-config.ts';

function mistakes(network: object): string[] {
  const input = { networks: [{ name: 'edge', mode: 'routed', ...network }] };
  const parsed = vethConfigSchema.safeParse(input);
  return parsed.success
    ? []
    : zodIssues(parsed.error, input).map(({ path, message }) => `${path}: ${message}`);
}

describe('a routed network', () => {
  it.each([
    [
      { gateway: '169.254.1' },
      "networks[0].gateway: '169.254.1' is no IPv4 address; write it like 169.254.1.1",
    ],
    [{ gateway: 'fe80::1' }, "networks[0].gateway: 'fe80::1' is no IPv4 address; write it like 169.254.1.1"],
    [{ gateway6: '10.0.0.1' }, "networks[0].gateway6: '10.0.0.1' is no IPv6 address; write it like fe80::1"],
  ])('refuses %j, and says what it is and how to write it', (network, mistake) => {
    expect(mistakes(network)).toEqual([mistake]);
  });

  it('takes gateways of both families', () => {
    expect(mistakes({ gateway: '10.0.0.1', gateway6: '2001:db8::1' })).toEqual([]);
  });
});
