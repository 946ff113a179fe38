import { apiVersion, ConfigInvalidError, InterfaceParameters } from '@patchbay/core';
import * as z from 'zod';
import { backendModules } from '../backends.ts';
import { driverConfigSchema } from '../configuration/driver-config.ts';

/** `patchbay schema KIND`: prints the JSON Schema of a kind of document, made from what validates it. */
export function schema(kind: string): void {
  console.log(JSON.stringify({ title: `${kind} (${apiVersion})`, ...jsonSchema(kind) }, null, 2));
}

function jsonSchema(kind: string): object {
  switch (kind) {
    case 'InterfaceConfig':
      return new InterfaceParameters(
        new Map(backendModules.map((module) => [module.kind, module.parametersSchema])),
      ).jsonSchema();
    case 'DriverConfig': {
      const entries = backendModules.map((module) =>
        z.strictObject({ kind: z.literal(module.kind), ...shapeOf(module.configSchema) }),
      );
      const [first, ...others] = entries;
      if (first === undefined)
        throw new ConfigInvalidError('this build', [{ path: '', message: 'has no backend' }]);
      return z.toJSONSchema(
        z.strictObject({
          ...driverConfigSchema.shape,
          backends: z.array(z.union([first, ...others])).min(1),
        }),
        { io: 'input', override: withoutDefaultOfHere },
      );
    }
    default:
      throw new ConfigInvalidError(kind, [
        { path: '', message: 'is no kind of document; use DriverConfig or InterfaceConfig' },
      ]);
  }
}

/** What a field takes from the environment is this machine's, and not the schema's. */
function withoutDefaultOfHere({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (/default: \$[A-Z]/.test(jsonSchema.description ?? '')) delete jsonSchema.default;
}

function shapeOf(schema: z.ZodType): z.core.$ZodShape {
  return schema instanceof z.ZodObject ? schema.shape : {};
}
