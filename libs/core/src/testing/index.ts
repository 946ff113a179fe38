/**
 * For the tests of backends and of the core.
 *
 * @packageDocumentation
 */
export { backendContract, type BackendContractOptions } from './backend-contract.ts';
export { CrashPlan, SimulatedCrash } from './crashing-socket.ts';
export { hostState } from './host-state.ts';
export { hostConfiguration } from './host-configuration.ts';
