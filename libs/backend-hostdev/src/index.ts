export { hostdevModule } from './hostdev-module.ts';
