export { macvlanModule } from './macvlan-module.ts';
