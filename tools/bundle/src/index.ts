export { buildDriver } from './build-driver.ts';
export type { BuildDriverOptions, DriverBuild } from './build-driver.ts';
