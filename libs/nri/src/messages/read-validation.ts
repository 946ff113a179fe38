import type { ContainerValidation, PluginInstance } from './container-validation.ts';
import type { PlainMessage } from './plain-decoder.ts';
import { containerFrom } from './read-container.ts';
import { podSandboxFrom } from './read-pod-sandbox.ts';

/** Made of the plain NRI message. */
export function containerValidationFrom(message: PlainMessage): ContainerValidation {
  const { pod, container, adjust, update, owners, plugins } = message as {
    pod?: PlainMessage;
    container?: PlainMessage;
    adjust?: ContainerValidation['adjustment'];
    update: ContainerValidation['updates'];
    owners?: { owners: ContainerValidation['owners'] };
    plugins: readonly PluginInstance[];
  };
  return {
    pod: podSandboxFrom(pod),
    container: containerFrom(container),
    adjustment: adjust ?? {},
    updates: update,
    owners: owners?.owners ?? {},
    plugins,
  };
}
