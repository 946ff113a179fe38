export { vethModule } from './veth-module.ts';
