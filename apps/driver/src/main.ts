import './memory/small-heap.ts';
import { Command, Option } from 'commander';

/** The configuration that the manifests give to the driver. */
const usualConfig = '/etc/patchbay/config.yaml';

const program = new Command('patchbay')
  .description('Kubernetes network driver: gives pods network devices by Dynamic Resource Allocation')
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

program
  .command('run')
  .description('run the driver on this node until SIGTERM')
  .requiredOption('--config <file>', 'the configuration, kind DriverConfig')
  .action(onDemand(async () => (await import('./commands/run.ts')).run));

program
  .command('ready')
  .description("say by the exit code whether this pod's instance is ready; for the startup probe")
  .option('--config <file>', "the driver's configuration", usualConfig)
  .action(onDemand(async () => (await import('./commands/ready.ts')).ready));

program
  .command('devices')
  .description('print the devices of this machine as they would be published; needs no cluster')
  .option('--config <file>', 'the configuration; without it all network hardware is shown')
  .option('--all', 'also the links that are not published, and why')
  .addOption(new Option('-o, --output <format>', 'how').choices(['table', 'json']).default('table'))
  .action(onDemand(async () => (await import('./commands/devices.ts')).devices));

program
  .command('attachments')
  .description('print which device is in which pod, and what is wrong with that; changes nothing')
  .option('--config <file>', "the driver's configuration", usualConfig)
  .addOption(new Option('-o, --output <format>', 'how').choices(['table', 'json']).default('table'))
  .action(onDemand(async () => (await import('./commands/attachments.ts')).attachments));

program
  .command('repair')
  .description(
    'bring journal and kernel together, as the driver does by itself; also beside a running driver',
  )
  .option('--config <file>', "the driver's configuration", usualConfig)
  .option('--dry-run', 'print what would be done, and change nothing')
  .action(onDemand(async () => (await import('./commands/repair.ts')).repair));

program
  .command('config')
  .description('work with configuration files')
  .command('check')
  .argument('<file>')
  .description('say whether a configuration is valid, and where it is not')
  .action(onDemand(async () => (await import('./commands/config-check.ts')).configCheck));

program
  .command('schema')
  .argument('<kind>', 'DriverConfig or InterfaceConfig')
  .description('print the JSON Schema of a kind of document')
  .action(onDemand(async () => (await import('./commands/schema.ts')).schema));

try {
  await program.parseAsync();
} catch (error) {
  // Mistakes of the user are told without the driver's own stack.
  console.error(error instanceof TypeError ? error : `patchbay: ${(error as Error).message}`);
  process.exitCode = 1;
}

/** A command that is loaded when it is called: what the others need is nothing to the driver, which runs for months, nor the other way round. */
function onDemand<P extends readonly unknown[]>(load: () => Promise<(...parameters: P) => unknown>) {
  return async (...parameters: P) => {
    await (
      await load()
    )(...parameters);
  };
}
