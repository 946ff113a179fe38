import { describe, expect, it } from 'vitest';
import type { AllocatedClaim } from './allocated-claim.ts';
import { ClaimBatch } from './claim-batch.ts';

const claim = (name: string, podClaimName?: string) =>
  ({ uid: `uid-${name}`, name, podClaimName }) as unknown as AllocatedClaim;

/** The order in which claims go on that come in the order given. */
async function order(batch: ClaimBatch, claims: readonly AllocatedClaim[]): Promise<string[]> {
  const went: string[] = [];
  await Promise.all(claims.map((each) => batch.come(each).then(() => went.push(each.name))));
  return went;
}

describe('claims of one call', () => {
  const { signal } = new AbortController();

  it("go on in the order of the pod's names for them, whatever their own", async () => {
    const came = [claim('pod-net-b-aaaaa', 'net-b'), claim('pod-net-zzzzz', 'net'), claim('a')];
    expect(await order(new ClaimBatch(3, signal), came)).toEqual(['a', 'pod-net-zzzzz', 'pod-net-b-aaaaa']);
  });

  it('do not wait for one that is given up', async () => {
    const batch = new ClaimBatch(3, signal);
    const went = order(batch, [claim('b'), claim('a')]);
    batch.giveUp();
    expect(await went).toEqual(['a', 'b']);
  });

  it('wait no longer when the kubelet does not', async () => {
    const patience = new AbortController();
    const batch = new ClaimBatch(3, patience.signal);
    const went = order(batch, [claim('b'), claim('a')]);
    patience.abort();
    expect(await went).toEqual(['a', 'b']);
    expect(await order(batch, [claim('late')])).toEqual(['late']);
  });
});
