import { errnoName } from '../system/system-error.ts';

/** The kernel refused a request. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  /** What was asked, in iproute2's words: `link set`. */
  readonly operation: string;
  readonly errno: number;
  /** Symbol of errno: `EEXIST`. */
  readonly code: string;
  /** What the kernel says in words (extended acknowledgement); often absent. */
  declare readonly extack?: string;
  /** Which of the requests of one call it was, from 0. Those before it took effect; those after it were carried out, too. */
  readonly messageIndex: number;

  constructor(operation: string, errno: number, extack?: string, messageIndex = 0) {
    const code = errnoName(errno);
    super(`${operation} failed: ${code}${extack === undefined ? '' : `: ${extack}`}`);
    this.operation = operation;
    this.errno = errno;
    this.code = code;
    if (extack !== undefined) this.extack = extack;
    this.messageIndex = messageIndex;
  }
}
