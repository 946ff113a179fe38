import type { KubernetesObject } from '../kube/kubernetes-object.ts';
import type { Device } from './device.ts';

/** A ResourceSlice in the shape of resource.k8s.io/v1, as far as node-local drivers use it. */
export interface ResourceSlice extends KubernetesObject {
  readonly spec: ResourceSliceSpec;
}

/** What a slice says. */
export interface ResourceSliceSpec {
  readonly driver: string;
  readonly nodeName?: string;
  readonly pool: {
    readonly name: string;
    /** Grows with every rewrite of the pool; slices of lower generations no longer count. */
    readonly generation: number;
    /** How many slices of this generation make the pool complete. */
    readonly resourceSliceCount: number;
  };
  readonly devices?: readonly Device[];
}
