export { FakeNriRuntime } from './fake-nri-runtime.ts';
export type { FakeNriRuntimeOptions } from './fake-nri-runtime.ts';
export type { WireMessage } from './fake-connection.ts';
