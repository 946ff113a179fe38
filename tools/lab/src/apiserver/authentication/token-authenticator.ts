import { randomBytes } from 'node:crypto';
import type { ObjectStore } from '../store/object-store.ts';
import { serviceAccountUser } from './service-account-token.ts';
import type { ServiceAccountTokenRequest } from './service-account-token.ts';
import { ADMIN_USER } from './user-info.ts';
import type { ServiceAccountName, UserInfo } from './user-info.ts';

/** Whom a token has let in. */
export interface Identity {
  readonly user: UserInfo;
  /** Whether all versions of all groups are served to this one, also those that are switched off. */
  readonly everyVersion: boolean;
}

interface IssuedToken {
  readonly user: UserInfo;
  readonly serviceAccount: ServiceAccountName;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

const DEFAULT_LIFETIME_MS = 3600_000;

/** Knows all bearer tokens: two of the admin that last for ever, and those of service accounts. */
export class TokenAuthenticator {
  /** Full access. */
  readonly adminToken = randomToken();
  /** Full access, and all API versions: for the lab's own scheduler and kubelet, which speak the storage version only. */
  readonly everyVersionToken = randomToken();
  readonly #store: ObjectStore;
  readonly #issued = new Map<string, IssuedToken>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Makes a new token. Throws when there is no such service account. */
  issue(request: ServiceAccountTokenRequest): string {
    const { serviceAccount, expiresInMs = DEFAULT_LIFETIME_MS } = request;
    const uid = this.#uidOf(serviceAccount);
    if (uid === undefined) {
      throw new Error(`serviceaccounts "${serviceAccount.name}" not found in ${serviceAccount.namespace}`);
    }
    const token = randomToken();
    const user = serviceAccountUser(request, uid);
    this.#issued.set(token, { user, serviceAccount, expiresAt: Date.now() + expiresInMs });
    return token;
  }

  /** Makes a token worthless; harmless when it already is. */
  revoke(token: string): void {
    this.#issued.delete(token);
  }

  /**
   * Who the bearer is; undefined when the header has no token, or one that is unknown, revoked or expired, or whose service account
   * is gone or has been made anew since.
   */
  authenticate(authorization: string | undefined): Identity | undefined {
    const token = /^Bearer (?<token>.+)$/.exec(authorization ?? '')?.groups?.['token'] ?? '';
    if (token === this.adminToken) return { user: ADMIN_USER, everyVersion: false };
    if (token === this.everyVersionToken) return { user: ADMIN_USER, everyVersion: true };
    const issued = this.#issued.get(token);
    if (issued === undefined || issued.expiresAt <= Date.now()) return undefined;
    if (this.#uidOf(issued.serviceAccount) !== issued.user.uid) return undefined;
    return { user: issued.user, everyVersion: false };
  }

  #uidOf({ namespace, name }: ServiceAccountName): string | undefined {
    return this.#store.get({ resource: 'serviceaccounts', namespace, name })?.metadata.uid;
  }
}

function randomToken(): string {
  return randomBytes(24).toString('base64url');
}
