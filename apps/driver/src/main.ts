import './memory/small-heap.ts';
import { DriverError } from '@patchbay/core';
import { Command, Option } from 'commander';
import { attachments } from './commands/attachments.ts';
import { configCheck } from './commands/config-check.ts';
import { devices } from './commands/devices.ts';
import { usualConfig } from './commands/open-attachments.ts';
import { ready } from './commands/ready.ts';
import { repair } from './commands/repair.ts';
import { run } from './commands/run.ts';
import { schema } from './commands/schema.ts';

const program = new Command('patchbay')
  .description('Kubernetes network driver: gives pods network devices by Dynamic Resource Allocation')
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

program
  .command('run')
  .description('run the driver on this node until SIGTERM')
  .requiredOption('--config <file>', 'the configuration, kind DriverConfig')
  .action(run);

program
  .command('ready')
  .description("say by the exit code whether this pod's instance is ready; for the startup probe")
  .option('--config <file>', "the driver's configuration", usualConfig)
  .action(ready);

program
  .command('devices')
  .description('print the devices of this machine as they would be published; needs no cluster')
  .option('--config <file>', 'the configuration; without it all network hardware is shown')
  .addOption(new Option('-o, --output <format>', 'how').choices(['table', 'json']).default('table'))
  .action(devices);

program
  .command('attachments')
  .description('print which device is in which pod, and what is wrong with that; changes nothing')
  .option('--config <file>', "the driver's configuration", usualConfig)
  .addOption(new Option('-o, --output <format>', 'how').choices(['table', 'json']).default('table'))
  .action(attachments);

program
  .command('repair')
  .description(
    'bring journal and kernel together, as the driver does by itself; also beside a running driver',
  )
  .option('--config <file>', "the driver's configuration", usualConfig)
  .option('--dry-run', 'print what would be done, and change nothing')
  .action(repair);

program
  .command('config')
  .description('work with configuration files')
  .command('check')
  .argument('<file>')
  .description('say whether a configuration is valid, and where it is not')
  .action(configCheck);

program
  .command('schema')
  .argument('<kind>', 'DriverConfig or InterfaceConfig')
  .description('print the JSON Schema of a kind of document')
  .action(schema);

try {
  await program.parseAsync();
} catch (error) {
  // Mistakes of the user are told without the driver's own stack.
  console.error(
    error instanceof DriverError || !(error instanceof TypeError)
      ? `patchbay: ${(error as Error).message}`
      : error,
  );
  process.exitCode = 1;
}
