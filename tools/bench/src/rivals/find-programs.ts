import { type Compiler, installedCompiler } from './compile.ts';

export async function findCompiler(): Promise<Compiler> {
  const installed = await installedCompiler();
  if (installed === undefined) throw new RangeError('no C compiler');
  return installed;
}

export async function findIp(): Promise<string> {
  return '/usr/sbin/ip';
}
