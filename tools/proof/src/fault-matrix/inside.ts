/** What `main.ts` runs in namespaces of its own: makes rows of the matrix that nobody else has taken, and writes each as a line of JSON. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FaultMatrix } from './fault-matrix.ts';
import { operations } from './operations.ts';
import { subjects } from './subjects.ts';

const { values } = parseArgs({
  options: {
    subject: { type: 'string' },
    operation: { type: 'string' },
    effect: { type: 'string' },
    when: { type: 'string' },
    taken: { type: 'string', default: '' },
  },
});

const matrix = new FaultMatrix({
  ...(values.effect === undefined ? {} : { effect: Number(values.effect) }),
  ...(values.when === undefined ? {} : { when: values.when }),
});
for (const [number, subject] of subjects.entries()) {
  if (values.subject !== undefined && subject.name !== values.subject) continue;
  for (const operation of operations) {
    if (values.operation !== undefined && operation.name !== values.operation) continue;
    if (subject.operations?.includes(operation.name) === false) continue;
    if (!take(`${number} ${operation.name}`)) continue;
    console.log(JSON.stringify(await matrix.row(subject, operation)));
  }
}
matrix.end();

/** Of the processes that share the work one gets each row. */
function take(row: string): boolean {
  try {
    mkdirSync(join(values.taken, row));
    return true;
  } catch {
    return false;
  }
}
