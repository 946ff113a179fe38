import * as z from 'zod';

/** How the macvlan links on one parent may talk to each other (linux/if_link.h, `enum macvlan_mode`). */
export const macvlanMode = z.enum(['bridge', 'private', 'vepa', 'passthru']);

/** How many links a parent takes at once where the configuration does not say. */
const defaultDevices = 16;

const parent = z
  .strictObject({
    link: z.string().min(1).max(15).describe("Name of the host's link that the macvlan links are built on"),
    devices: z
      .int()
      .min(1)
      .max(512)
      .optional()
      .describe(
        `How many macvlan links pods may have on it at once; default: ${defaultDevices}, in mode passthru 1`,
      ),
    mode: macvlanMode
      .default('bridge')
      .describe('Mode of links whose claim asks for none; passthru gives the whole parent to one link'),
  })
  .superRefine(({ link, devices = 1, mode }, context) => {
    if (mode !== 'passthru' || devices === 1) return;
    context.addIssue({
      code: 'custom',
      path: ['devices'],
      message: `${devices} links cannot share '${link}': in mode passthru a parent takes one link; write 1, or choose another mode`,
    });
  })
  .transform(({ devices, ...rest }) => ({
    ...rest,
    devices: devices ?? (rest.mode === 'passthru' ? 1 : defaultDevices),
  }));

/** Configuration of the macvlan backend. */
export const macvlanConfigSchema = z.strictObject({
  parents: z
    .array(parent)
    .min(1, { error: 'names no parent; add at least one entry such as "- link: eth1"' })
    .superRefine((parents, context) => {
      parents.forEach(({ link }, index) => {
        if (parents.findIndex((other) => other.link === link) < index) {
          context.addIssue({ code: 'custom', path: [index, 'link'], message: `'${link}' is listed twice` });
        }
      });
    }),
});

/** See {@link macvlanConfigSchema}. */
export type MacvlanConfig = z.output<typeof macvlanConfigSchema>;
/** One parent of {@link MacvlanConfig}. */
export type MacvlanParent = MacvlanConfig['parents'][number];
/** See {@link macvlanMode}. */
export type MacvlanMode = z.output<typeof macvlanMode>;

/** The `macvlan` section of the claim parameters. */
export const macvlanParametersSchema = z.strictObject({
  mode: macvlanMode
    .optional()
    .describe(
      "Default: the parent's mode in the driver's configuration; passthru only where that is the parent's",
    ),
});
/** See {@link macvlanParametersSchema}. */
export type MacvlanParameters = z.output<typeof macvlanParametersSchema>;
