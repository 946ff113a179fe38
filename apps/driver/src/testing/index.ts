/**
 * For proofs about the driver: its life without sockets.
 *
 * @packageDocumentation
 */
export { DriverLife, type DriverLifeOptions } from './driver-life.ts';
