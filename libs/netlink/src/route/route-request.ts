import type { MessageWriter } from '../wire/message-writer.ts';

/** One message to rtnetlink, made by {@link linkSet} and its kin. Reusable; written when it is executed, and checked before anything is sent. */
export interface RouteRequest {
  /** What it does in iproute2's words, for errors: `link set`. */
  readonly operation: string;
  /** `RTM_*` (linux/rtnetlink.h). */
  readonly type: number;
  /** `NLM_F_*` besides request and acknowledgement. */
  readonly flags: number;
  /**
   * Writes header and attributes.
   *
   * @throws RequestInvalidError when a value cannot be written
   */
  write(writer: MessageWriter): void;
}
