import {
  validatingAdmissionPolicyBindingStrategy,
  validatingAdmissionPolicyStrategy,
} from './admission-policy-strategy.ts';
import {
  eventStrategy,
  namespaceStrategy,
  nodeStrategy,
  podStrategy,
  serviceAccountStrategy,
} from './core-strategies.ts';
import { clusterRoleBindingStrategy, clusterRoleStrategy, RBAC_GROUP } from './rbac-strategy.ts';
import {
  deviceClassStrategy,
  resourceClaimStrategy,
  resourceClaimTemplateStrategy,
} from './resource-claim-strategy.ts';
import { resourceSliceStrategy } from './resource-slice-strategy.ts';
import type { ResourceStrategy } from './resource-strategy.ts';
import { CLAIM_V1BETA1, EVENT_NEW, SAME, SLICE_V1BETA1, TEMPLATE_V1BETA1 } from './version-conversion.ts';
import type { VersionConversion } from './version-conversion.ts';

/** A resource that the server serves. */
export interface ResourceDefinition {
  /** Where its objects are kept; the same for all groups and versions that show them. */
  readonly storage: string;
  readonly group: string;
  /** Plural, as in paths. */
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly kind: string;
  readonly namespaced: boolean;
  readonly versions: Readonly<Record<string, VersionConversion>>;
  /** Subresources by name, with the kind that they take. */
  readonly subresources: Readonly<Record<string, string>>;
  /** Field selectors beyond metadata.name and metadata.namespace. */
  readonly selectableFields: readonly string[];
  /** Whether a DELETE answers with the object; otherwise with a Status. */
  readonly returnsDeleted: boolean;
  readonly strategy: ResourceStrategy;
}

const DRA = 'resource.k8s.io';
const ADMISSION_GROUP = 'admissionregistration.k8s.io';

/** All resources, in the order in which discovery lists them. */
export const RESOURCES: readonly ResourceDefinition[] = [
  {
    storage: 'events',
    group: '',
    plural: 'events',
    singular: 'event',
    shortNames: ['ev'],
    kind: 'Event',
    namespaced: true,
    versions: { v1: SAME },
    subresources: {},
    selectableFields: [
      'involvedObject.kind',
      'involvedObject.namespace',
      'involvedObject.name',
      'involvedObject.uid',
      'reason',
      'type',
      'reportingComponent',
      'source',
    ],
    returnsDeleted: false,
    strategy: eventStrategy,
  },
  {
    storage: 'namespaces',
    group: '',
    plural: 'namespaces',
    singular: 'namespace',
    shortNames: ['ns'],
    kind: 'Namespace',
    namespaced: false,
    versions: { v1: SAME },
    subresources: { status: 'Namespace' },
    selectableFields: ['status.phase'],
    returnsDeleted: true,
    strategy: namespaceStrategy,
  },
  {
    storage: 'nodes',
    group: '',
    plural: 'nodes',
    singular: 'node',
    shortNames: ['no'],
    kind: 'Node',
    namespaced: false,
    versions: { v1: SAME },
    subresources: { status: 'Node' },
    selectableFields: ['spec.unschedulable'],
    returnsDeleted: false,
    strategy: nodeStrategy,
  },
  {
    storage: 'pods',
    group: '',
    plural: 'pods',
    singular: 'pod',
    shortNames: ['po'],
    kind: 'Pod',
    namespaced: true,
    versions: { v1: SAME },
    subresources: { status: 'Pod', binding: 'Binding' },
    selectableFields: ['spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'status.phase'],
    returnsDeleted: true,
    strategy: podStrategy,
  },
  {
    storage: 'serviceaccounts',
    group: '',
    plural: 'serviceaccounts',
    singular: 'serviceaccount',
    shortNames: ['sa'],
    kind: 'ServiceAccount',
    namespaced: true,
    versions: { v1: SAME },
    subresources: {},
    selectableFields: [],
    returnsDeleted: true,
    strategy: serviceAccountStrategy,
  },
  {
    storage: 'validatingadmissionpolicies.admissionregistration.k8s.io',
    group: ADMISSION_GROUP,
    plural: 'validatingadmissionpolicies',
    singular: 'validatingadmissionpolicy',
    shortNames: [],
    kind: 'ValidatingAdmissionPolicy',
    namespaced: false,
    versions: { v1: SAME },
    subresources: {},
    selectableFields: [],
    returnsDeleted: false,
    strategy: validatingAdmissionPolicyStrategy,
  },
  {
    storage: 'validatingadmissionpolicybindings.admissionregistration.k8s.io',
    group: ADMISSION_GROUP,
    plural: 'validatingadmissionpolicybindings',
    singular: 'validatingadmissionpolicybinding',
    shortNames: [],
    kind: 'ValidatingAdmissionPolicyBinding',
    namespaced: false,
    versions: { v1: SAME },
    subresources: {},
    selectableFields: [],
    returnsDeleted: false,
    strategy: validatingAdmissionPolicyBindingStrategy,
  },
  {
    storage: 'events',
    group: 'events.k8s.io',
    plural: 'events',
    singular: 'event',
    shortNames: ['ev'],
    kind: 'Event',
    namespaced: true,
    versions: { v1: EVENT_NEW },
    subresources: {},
    selectableFields: [
      'regarding.kind',
      'regarding.namespace',
      'regarding.name',
      'regarding.uid',
      'reason',
      'type',
    ],
    returnsDeleted: false,
    strategy: eventStrategy,
  },
  {
    storage: 'clusterroles.rbac.authorization.k8s.io',
    group: RBAC_GROUP,
    plural: 'clusterroles',
    singular: 'clusterrole',
    shortNames: [],
    kind: 'ClusterRole',
    namespaced: false,
    versions: { v1: SAME },
    subresources: {},
    selectableFields: [],
    returnsDeleted: false,
    strategy: clusterRoleStrategy,
  },
  {
    storage: 'clusterrolebindings.rbac.authorization.k8s.io',
    group: RBAC_GROUP,
    plural: 'clusterrolebindings',
    singular: 'clusterrolebinding',
    shortNames: [],
    kind: 'ClusterRoleBinding',
    namespaced: false,
    versions: { v1: SAME },
    subresources: {},
    selectableFields: [],
    returnsDeleted: false,
    strategy: clusterRoleBindingStrategy,
  },
  {
    storage: 'deviceclasses.resource.k8s.io',
    group: DRA,
    plural: 'deviceclasses',
    singular: 'deviceclass',
    shortNames: [],
    kind: 'DeviceClass',
    namespaced: false,
    versions: { v1: SAME, v1beta2: SAME, v1beta1: SAME },
    subresources: {},
    selectableFields: [],
    returnsDeleted: true,
    strategy: deviceClassStrategy,
  },
  {
    storage: 'resourceclaims.resource.k8s.io',
    group: DRA,
    plural: 'resourceclaims',
    singular: 'resourceclaim',
    shortNames: [],
    kind: 'ResourceClaim',
    namespaced: true,
    versions: { v1: SAME, v1beta2: SAME, v1beta1: CLAIM_V1BETA1 },
    subresources: { status: 'ResourceClaim' },
    selectableFields: [],
    returnsDeleted: true,
    strategy: resourceClaimStrategy,
  },
  {
    storage: 'resourceclaimtemplates.resource.k8s.io',
    group: DRA,
    plural: 'resourceclaimtemplates',
    singular: 'resourceclaimtemplate',
    shortNames: [],
    kind: 'ResourceClaimTemplate',
    namespaced: true,
    versions: { v1: SAME, v1beta2: SAME, v1beta1: TEMPLATE_V1BETA1 },
    subresources: {},
    selectableFields: [],
    returnsDeleted: true,
    strategy: resourceClaimTemplateStrategy,
  },
  {
    storage: 'resourceslices.resource.k8s.io',
    group: DRA,
    plural: 'resourceslices',
    singular: 'resourceslice',
    shortNames: [],
    kind: 'ResourceSlice',
    namespaced: false,
    versions: { v1: SAME, v1beta2: SAME, v1beta1: SLICE_V1BETA1 },
    subresources: {},
    // spec.pool.name is no selector in the real API.
    selectableFields: ['spec.driver', 'spec.nodeName'],
    returnsDeleted: true,
    strategy: resourceSliceStrategy,
  },
];
