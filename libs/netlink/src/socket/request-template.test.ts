import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressAdd } from '../route/address/address-requests.ts';
import { linkAdd } from '../route/link/link-create.ts';
import { linkSet } from '../route/link/link-requests.ts';
import { routeAdd } from '../route/route/route-requests.ts';
import { RequestInvalidError } from '../wire/request-invalid-error.ts';
import { type NetlinkRequest, writeBatch } from './request-batch.ts';
import { RequestTemplate } from './request-template.ts';

const int32 = fc.integer({ min: 1, max: 0x7fff_ffff });

/** Requests in which a link's index stands where each of them has it, and some in which it does not stand. */
const requestsFor = fc
  .array(
    fc.oneof(
      fc.constant((index: number): NetlinkRequest => linkSet(index, { up: true, mtu: 1400 })),
      fc.tuple(fc.ipV4(), fc.nat(32)).map(
        ([address, length]) =>
          (index: number): NetlinkRequest =>
            addressAdd({ linkIndex: index, address: `${address}/${length}` }),
      ),
      fc.nat().map(
        (metric) =>
          (index: number): NetlinkRequest =>
            routeAdd({ linkIndex: index, destination: '2001:db8::/32', metric }),
      ),
      fc.constant((parent: number): NetlinkRequest =>
        linkAdd({ name: 'net0', parent, kind: { kind: 'macvlan', mode: 'bridge' } }),
      ),
      fc.constant((): NetlinkRequest => linkSet(7, { name: 'other' })),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((parts) => (index: number) => parts.map((part) => part(index)));

describe('a template of requests', () => {
  it('comes to the bytes of the requests themselves, whatever is filled in, and how often', () => {
    fc.assert(
      fc.property(
        requestsFor,
        fc.array(fc.tuple(fc.integer(), int32), { minLength: 1, maxLength: 3 }),
        (make, fillings) => {
          const template = new RequestTemplate(make);
          for (const [sequence, number] of fillings) {
            const filled = template.fill(sequence | 0, number).toString('hex');
            const { buffer, length } = writeBatch(make(number), sequence | 0);
            expect(filled).toBe(buffer.toString('hex', 0, length));
          }
        },
      ),
    );
  });

  it('is refused when more than the number is open', () => {
    const mtu = (number: number) => [linkSet(number, { mtu: number === 0x0101_0101 ? 1400 : 1401 })];
    expect(() => new RequestTemplate(mtu)).toThrow('differ in more than their number, at byte 36');
    const longer = (number: number) => [linkSet(number, number === 0x0101_0101 ? {} : { mtu: 1400 })];
    expect(() => new RequestTemplate(longer)).toThrow('differ in more than their number, at byte 0');
  });

  it('is refused when there is nothing to send, or something that cannot be', () => {
    expect(() => new RequestTemplate(() => [])).toThrow('at least one request');
    expect(() => new RequestTemplate((index) => [linkSet(index, { name: 'longer-than-15-bytes' })])).toThrow(
      RequestInvalidError,
    );
  });
});
