export { decodeDeviceMetadata } from './decode-device-metadata.ts';
export type { DecodedDeviceMetadata } from './decode-device-metadata.ts';
export { FakeResourceApi, fakeResourceApi } from './fake-resource-api.ts';
export type { FakeResourceApiOptions, Interception, RecordedRequest } from './fake-resource-api.ts';
export type { NewObject } from './object-store.ts';
export { TestKubelet } from './test-kubelet.ts';
export type { AnsweredClaim, AnsweredHealth, AnsweredPluginInfo, CallOptions } from './test-kubelet.ts';
