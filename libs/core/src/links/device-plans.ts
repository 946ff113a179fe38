import type { PodSandbox } from '../backend/backend.ts';
import type { JsonObject } from '../backend/json.ts';

/**
 * Keeps what a backend has thought out for a device before its hook, see {@link AttachStrategy.makeReady}, as long as there is what it was
 * thought out for. What was not thought out before is when it is needed.
 */
export class DevicePlans<Plan extends object> {
  readonly #make: (prepared: JsonObject, sandbox?: PodSandbox) => Plan;
  readonly #plans = new WeakMap<JsonObject, Plan>();

  /** @param make without a sandbox: for the pod that has the claim for itself */
  constructor(make: (prepared: JsonObject, sandbox?: PodSandbox) => Plan) {
    this.#make = make;
  }

  /**
   * The plan for what a claim was prepared with.
   *
   * @param sandbox if it is known; one of several that share the claim has a plan of its own
   */
  of(prepared: JsonObject, sandbox?: PodSandbox): Plan {
    if (sandbox?.shared === true) return this.#make(prepared, sandbox);
    let plan = this.#plans.get(prepared);
    if (plan === undefined) this.#plans.set(prepared, (plan = this.#make(prepared)));
    return plan;
  }
}
