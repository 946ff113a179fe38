/** What happens to a request that a rule matches. */
export type Fault =
  | { kind: 'status'; code: number; reason?: string; message?: string; /** Seconds. */ retryAfter?: number }
  | { kind: 'delay'; milliseconds: number }
  /** Never answers; the connection stays open. */
  | { kind: 'hang' }
  /** Cuts the connection before an answer. */
  | { kind: 'reset' }
  /** Does the work, then cuts the connection: the client cannot know whether it was done. */
  | { kind: 'resetAfter' }
  /** A watch starts normally and then says nothing, not even when it should end. */
  | { kind: 'silentWatch' };

/** Which requests a fault applies to; what is left out matches everything. */
export interface FaultRule {
  /** HTTP method. */
  method?: string;
  /** Matched against the path without the query: a pattern, or a text that it must contain. */
  path?: RegExp | string;
  /** The verb as RBAC names it: `get`, `list`, `watch`, `create`, … */
  verb?: string;
  /** Name of the user who asks, or a part of it, such as `system:serviceaccount:`. */
  user?: string;
  /** How many requests it applies to before it wears out; without it, all. */
  times?: number;
  fault: Fault;
}

/** A rule in force. */
export interface Injection {
  /** How many requests it has hit. */
  readonly hits: number;
  /** Takes the rule out of force; harmless when it already is. */
  remove(): void;
}

/** What a rule sees of a request. */
export interface FaultSubject {
  method: string;
  path: string;
  verb: string;
  /** Empty when nobody knows. */
  user: string;
}

/** The rules in force, in the order of their injection; the first that matches wins. */
export class FaultRules {
  readonly #rules: { rule: FaultRule; hits: number }[] = [];

  /** Puts a rule in force. */
  inject(rule: FaultRule): Injection {
    const entry = { rule, hits: 0 };
    this.#rules.push(entry);
    return {
      get hits() {
        return entry.hits;
      },
      remove: () => {
        const index = this.#rules.indexOf(entry);
        if (index >= 0) this.#rules.splice(index, 1);
      },
    };
  }

  /** The fault for a request, counted as a hit; undefined when no rule matches. */
  match(subject: FaultSubject): Fault | undefined {
    const entry = this.#rules.find(
      ({ rule, hits }) => hits < (rule.times ?? Infinity) && matches(rule, subject),
    );
    if (entry === undefined) return undefined;
    entry.hits += 1;
    return entry.rule.fault;
  }
}

function matches(rule: FaultRule, subject: FaultSubject): boolean {
  if (rule.method !== undefined && rule.method !== subject.method) return false;
  if (rule.user !== undefined && !subject.user.includes(rule.user)) return false;
  if (rule.verb !== undefined && rule.verb !== subject.verb) return false;
  if (rule.path === undefined) return true;
  return typeof rule.path === 'string' ? subject.path.includes(rule.path) : rule.path.test(subject.path);
}
