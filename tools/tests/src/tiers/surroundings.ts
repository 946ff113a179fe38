import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { nodeSource } from '../programs/node-program.ts';
import { runProgram } from '../programs/run-program.ts';
import { repository } from '../repository.ts';

const minutes = 60_000;

/** The exit code of a lab's `enter.ts` when the lab cannot run on this machine. */
const labUnavailable = 3;

/** What the tests of a tier run in. */
export interface Surroundings {
  /** Put before a command line, runs it inside. */
  readonly enter: readonly string[];
  /** Why this machine cannot offer them; undefined when it can. */
  obstacle(show: (text: string) => void): Promise<string | undefined>;
}

const loopbackUp = nodeSource('tools/tests/src/tiers/loopback-up.ts')
  .map((word) => `'${word}'`)
  .join(' ');

/** Nothing special. */
export const anywhere: Surroundings = { enter: [], obstacle: () => Promise.resolve(undefined) };

/**
 * Empty network, mount and process namespaces, which vanish with all that tests leave behind. /sys shows the links of the namespace
 * instead of the machine's, and what tests pin below /run is gone afterwards. A shell stays as process 1 because it reaps orphans.
 */
export const emptyNamespaces: Surroundings = {
  enter: [
    ...['unshare', '--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c'],
    `mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run && ${loopbackUp} || exit 3\n"$@"\nexit $?`,
    'sh',
  ],
  async obstacle(show) {
    if (process.getuid?.() !== 0) return 'needs root for network namespaces; run it as root';
    // There is no network inside. Without the server only the tests that need it fail, and say why.
    await runProgram(nodeSource('tools/lab/src/dhcp/main.ts'), { timeoutMs: 5 * minutes, show });
    const end = await runProgram([...emptyNamespaces.enter, 'true'], {
      timeoutMs: minutes / 2,
    });
    return end.code === 0 ? undefined : `namespaces cannot be made: ${lastWords(end.output, end.reason)}`;
  },
};

/**
 * A lab: a program of tools/lab that makes the surroundings and runs a command in them.
 *
 * @param program path relative to the repository
 * @param parameters of the program, before the command
 * @param probe what the program is given instead, to find out whether it can run here; by default it runs true(1)
 */
export function lab(
  program: string,
  parameters: readonly string[],
  probe: readonly string[] = [...parameters, 'true'],
): Surroundings {
  return {
    enter: nodeSource(program, ...parameters),
    async obstacle(show) {
      if (!existsSync(join(repository, program))) return `${program} does not exist`;
      const end = await runProgram(nodeSource(program, ...probe), {
        timeoutMs: 5 * minutes,
        show,
      });
      if (end.code === 0) return undefined;
      const verdict = end.code === labUnavailable ? '' : 'the lab crashed: ';
      return `${verdict}${lastWords(end.output, end.reason)}`;
    },
  };
}

function lastWords(output: string, reason = 'it did not say why'): string {
  return output.trim().split('\n').slice(-3).join(' ').replace(/\s+/g, ' ') || reason;
}
