import type { UserInfo } from '../authentication/user-info.ts';
import type { StatusError } from '../status-error.ts';
import type { Access } from './access.ts';

/** Who makes a request, for the parts of the server that ask more of a caller than the request's own verb. */
export interface Caller {
  readonly user: UserInfo;
  /** The verb of the request, as RBAC names it. */
  readonly verb: string;
  /** The 403 with which the caller would be refused; undefined when the access is allowed. */
  refusal(access: Access): StatusError | undefined;
}

/** A question that the authorizer was asked, and its answer. */
export interface AccessCheck {
  readonly access: Access;
  readonly allowed: boolean;
}
