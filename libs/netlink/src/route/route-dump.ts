import type { MessageReader } from '../wire/message-reader.ts';
import type { RouteRequest } from './route-request.ts';

/** A request for all objects of one sort, and how to read them. */
export interface RouteDump<T> extends RouteRequest {
  /** Decodes the current message; undefined for what was not asked for. */
  decode(message: MessageReader): T | undefined;
}
