/** A pool could not be written; the publisher goes on trying. */
export class PoolPublishError extends Error {
  override readonly name = 'PoolPublishError';
  readonly pool: string;

  constructor(pool: string, cause: Error) {
    super(`ResourceSlices of pool ${pool} are not published: ${cause.message}`, { cause });
    this.pool = pool;
  }
}

/** Something about a pool or a device that the API server would refuse; it is left out, the rest is published. */
export class DeviceInvalidError extends Error {
  override readonly name = 'DeviceInvalidError';
  readonly pool: string;
  /** Empty when the pool itself is concerned. */
  readonly device: string;

  constructor(pool: string, device: string, problem: string) {
    super(`Pool ${pool}${device === '' ? '' : `, device ${device}`}: ${problem}`);
    this.pool = pool;
    this.device = device;
  }
}

/** A pool has two devices of the same name, or two pools have the same name: what is published stays as it is. */
export class DuplicateNameError extends Error {
  override readonly name = 'DuplicateNameError';
  readonly pool: string;

  constructor(pool: string, device?: string) {
    super(
      device === undefined
        ? `Pool ${pool} is given twice; what is published of it stays unchanged`
        : `Pool ${pool} has two devices named ${device}; what is published of it stays unchanged`,
    );
    this.pool = pool;
  }
}

/** The API server silently left fields out, usually because a feature gate is off. What it kept stands. */
export class FieldsDroppedError extends Error {
  override readonly name = 'FieldsDroppedError';
  /** Such as `spec.devices[*].taints`. */
  readonly fields: readonly string[];

  constructor(pool: string, fields: readonly string[]) {
    super(
      `Pool ${pool}: the API server dropped ${fields.join(', ')}; it does not know these fields or their feature is off`,
    );
    this.fields = fields;
  }
}
