/** One request that the server has seen, for tests that ask what a client did. */
export interface RequestRecord {
  method: string;
  /** Path without the query. */
  path: string;
  query: Readonly<Record<string, string>>;
  userAgent: string;
  /** As RBAC names it; for paths that are no resources, the lower-case method. */
  verb: string;
  group: string;
  version: string;
  /** As RBAC names it, subresource included: `resourceclaims/status`; empty for paths that are no resources. */
  resource: string;
  namespace: string;
  name: string;
  contentType: string;
  /** The parsed body, if the request had one. */
  body?: unknown;
  /** HTTP status of the answer; 0 while there is none, or when a fault cut it off. */
  status: number;
  /** When it arrived: milliseconds since the epoch. */
  at: number;
}
