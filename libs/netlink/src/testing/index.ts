/**
 * Network namespaces for tests against the real kernel. Needs root.
 *
 * @packageDocumentation
 */
export { connectNamespaces, type ConnectedLink } from './connect-namespaces.ts';
export { addFilter, attachTcx, attachXdp, loadProgram } from './ebpf-programs.ts';
export { withNamespaces } from './with-namespaces.ts';
