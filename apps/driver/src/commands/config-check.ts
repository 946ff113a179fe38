import { backendModules } from '../backends.ts';
import { loadDriverConfig } from '../configuration/load-driver-config.ts';

/** `patchbay config check FILE`: says whether a configuration is good, or lists all of its mistakes. */
export function configCheck(path: string): void {
  const { config, backends } = loadDriverConfig(path, backendModules);
  console.log(
    `${path} is valid: driver ${config.driverName}, backends ${backends.map(({ module }) => module.kind).join(', ')}`,
  );
}
