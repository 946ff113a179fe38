import { NetworkNamespace } from '../namespace/network-namespace.ts';

/**
 * Runs a test with new, empty namespaces, one for each parameter of the test up to three, and closes them afterwards.
 *
 * @example `await withNamespaces(async ([host, pod]) => { … })`
 */
export async function withNamespaces<T>(
  test: (namespaces: readonly [NetworkNamespace, NetworkNamespace, NetworkNamespace]) => Promise<T> | T,
): Promise<T> {
  using first = NetworkNamespace.create();
  using second = NetworkNamespace.create();
  using third = NetworkNamespace.create();
  return await test([first, second, third]);
}
