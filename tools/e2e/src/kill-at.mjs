/**
 * Preloaded into a driver process: ends it by SIGKILL at a chosen call to the kernel, as a crash or the out-of-memory killer would. The driver
 * itself knows nothing of it.
 *
 * PATCHBAY_KILL_AT is `<phase>:<number>:<before|after>`: from the moment that a claim's journal record says the phase, netlink sends are
 * counted, and the process ends before or after the send of that number, counted from 0. With PATCHBAY_SIGNAL it gets another signal:
 * SIGSTOP has it be late.
 */
import fs from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { argv, env, kill, pid } from 'node:process';

const [phase, number, when] = env.PATCHBAY_KILL_AT.split(':');
let armed = false;
let sends = 0;

for (const [owner, name] of [
  [fs, 'renameSync'],
  [fs.promises, 'rename'],
]) {
  const rename = owner[name];
  owner[name] = (from, to) => {
    armed ||= String(from).endsWith('.tmp') && fs.readFileSync(from, 'utf8').includes(`"phase":"${phase}"`);
    return rename(from, to);
  };
}
syncBuiltinESMExports();

const koffi = createRequire(fs.realpathSync(argv[1]))('koffi');
const { load } = koffi;
koffi.load = (...parameters) => {
  const library = load(...parameters);
  const func = (name, ...signature) =>
    name === 'send' ? counted(library.func(name, ...signature)) : library.func(name, ...signature);
  // A library's own methods cannot be replaced.
  return Object.create(library, { func: { value: func } });
};

function counted(send) {
  const wrapped = (...parameters) => {
    const mine = count();
    if (mine && when === 'before') end();
    const result = send(...parameters);
    if (mine && when === 'after') end();
    return result;
  };
  wrapped.async = (...parameters) => {
    const mine = count();
    if (mine && when === 'before') end();
    const callback = parameters.pop();
    send.async(...parameters, (...results) => {
      if (mine && when === 'after') end();
      callback(...results);
    });
  };
  return wrapped;
}

function count() {
  return armed && sends++ === Number(number);
}

function end() {
  kill(pid, env.PATCHBAY_SIGNAL ?? 'SIGKILL');
}
