import type { ContainerValidation, PluginInstance } from './container-validation.ts';
import { plainReader } from './plain-reader.ts';
import type { WireObject } from './plain-reader.ts';
import { containerFrom } from './read-container.ts';
import { podSandboxFrom } from './read-pod-sandbox.ts';
import { nriType } from './wire-schema.ts';

const read = plainReader(nriType('ValidateContainerAdjustmentRequest'));

/** From the decoded NRI message. */
export function containerValidationFrom(message: WireObject): ContainerValidation {
  const { adjust, update, owners, plugins } = read(message) as {
    adjust?: ContainerValidation['adjustment'];
    update: ContainerValidation['updates'];
    owners?: { owners: ContainerValidation['owners'] };
    plugins: readonly PluginInstance[];
  };
  return {
    pod: podSandboxFrom(message['pod'] as WireObject | null),
    container: containerFrom(message['container'] as WireObject | null),
    adjustment: adjust ?? {},
    updates: update,
    owners: owners?.owners ?? {},
    plugins,
  };
}
