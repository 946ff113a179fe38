import type { RouteRequest } from '../route-request.ts';
import {
  namespaceIdAttributes as netnsa,
  namespaceIdHeaderSize,
  namespaceIdMessages,
  notAssigned,
} from './namespace-id-attributes.ts';

/** Asks which number a namespace has. */
export function namespaceIdGet(fd: number): RouteRequest {
  return {
    operation: 'netns id get',
    type: namespaceIdMessages.get,
    flags: 0,
    write(writer) {
      writer.header(namespaceIdHeaderSize);
      writer.int32(netnsa.fd, fd, 'fd');
    },
  };
}

/** Gives a namespace the lowest free number. Fails with EEXIST when it has one. */
export function namespaceIdAssign(fd: number): RouteRequest {
  return {
    operation: 'netns id set',
    type: namespaceIdMessages.new,
    flags: 0,
    write(writer) {
      writer.header(namespaceIdHeaderSize);
      writer.int32(netnsa.id, notAssigned, 'id');
      writer.int32(netnsa.fd, fd, 'fd');
    },
  };
}
