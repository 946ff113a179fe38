import { NetworkNamespace } from '../namespace/network-namespace.ts';

/**
 * Runs a test with three new, empty namespaces, as many as tests usually need, and closes them afterwards also when it fails.
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
