/**
 * What a CDI device changes in a container (Container Device Interface 0.6, `containerEdits`). Field names are those of the specification.
 */
export interface CdiContainerEdits {
  /** `NAME=value`. */
  readonly env?: readonly string[];
  readonly deviceNodes?: readonly CdiDeviceNode[];
  readonly mounts?: readonly CdiMount[];
  readonly hooks?: readonly CdiHook[];
}

/** A device file to create in the container. */
export interface CdiDeviceNode {
  /** Path in the container. */
  readonly path: string;
  readonly hostPath?: string;
  readonly type?: 'b' | 'c' | 'u' | 'p';
  readonly major?: number;
  readonly minor?: number;
  /** Octal mode as a number. */
  readonly fileMode?: number;
  /** Letters of `rwm`. */
  readonly permissions?: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** A mount to add to the container; the runtime refuses to create the container when a bind mount's `hostPath` does not exist. */
export interface CdiMount {
  readonly hostPath: string;
  readonly containerPath: string;
  /** File system type; `bind` unless said otherwise. */
  readonly type?: string;
  /** Such as `ro`, `nosuid`, `bind`. */
  readonly options?: readonly string[];
}

/** An OCI hook to run for the container. */
export interface CdiHook {
  readonly hookName:
    'prestart' | 'createRuntime' | 'createContainer' | 'startContainer' | 'poststart' | 'poststop';
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  /** Seconds. */
  readonly timeout?: number;
}

/** One device of a CDI specification. */
export interface CdiDevice {
  /** Letters, digits and `_-.:`, beginning and ending with a letter or digit; unique within one `CdiSpecStore.write`. */
  readonly name: string;
  readonly containerEdits: CdiContainerEdits;
}
