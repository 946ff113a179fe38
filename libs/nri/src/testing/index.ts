export { FakeNriRuntime } from './fake-nri-runtime.ts';
export type { FakeNriRuntimeOptions, WireMessage } from './fake-nri-runtime.ts';
