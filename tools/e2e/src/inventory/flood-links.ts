/**
 * A program that changes links of the network namespace that it is started in, as fast as it is told to: `flood-links COUNT SECONDS NAME…`.
 * Each change makes the kernel send one event. It prints one line when it is done: the last change as `{ "name", "alias" }` of each link.
 */
import { linkSet, RouteSocket } from '@patchbay/netlink';
import { setTimeout as sleep } from 'node:timers/promises';

const [count = '', seconds = '', ...names] = process.argv.slice(2);
/** Pieces in which the changes are made, so that they are spread over the time. */
const pieces = 20;

using socket = RouteSocket.open();
const links = names.map((name) => {
  const link = socket.link({ name });
  if (link === undefined) throw new Error(`there is no link ${name}`);
  return link;
});
const last = new Map<string, string>();
const begun = performance.now();
let number = 0;
for (let piece = 1; piece <= pieces; piece++) {
  const requests = [];
  for (; number < (Number(count) * piece) / pieces; number++) {
    const link = links[number % links.length];
    if (link === undefined) throw new Error('name at least one link');
    const alias = `change ${number}`;
    last.set(link.name, alias);
    requests.push(linkSet(link.index, { alias }));
  }
  socket.execute(...requests);
  await sleep(Math.max(0, begun + (Number(seconds) * 1000 * piece) / pieces - performance.now()));
}
console.log(JSON.stringify(Object.fromEntries(last)));
