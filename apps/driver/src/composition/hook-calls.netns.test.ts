/** How often a hook calls the kernel. What costs time in it is counted, because time itself cannot be had exactly on a busy machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Backend, InterfaceParameters, type JsonObject } from '@patchbay/core';
import { type ForeignLibraries, type ForeignLibrary, loadForeignLibraries } from '@patchbay/ffi';
import { linkDelete, linkSet, NetworkNamespace, RouteSocket, useForeignLibraries } from '@patchbay/netlink';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backendModules } from '../backends.ts';
import { parseDriverConfig } from '../configuration/load-driver-config.ts';
import { type HostServices, openHostServices } from './host-services.ts';

/** Calls of C functions since they were last counted, by name. */
let calls: Record<string, number> = {};

/** The usual libraries, whose functions are counted. */
function counted(libraries: ForeignLibraries): ForeignLibraries {
  const load = (path: string | null): ForeignLibrary => {
    const library = libraries.load(path);
    const declare: ForeignLibrary['declare'] = (signature) => {
      const native = library.declare(signature);
      const count = () => (calls[signature.name] = (calls[signature.name] ?? 0) + 1);
      return {
        get errno() {
          return native.errno;
        },
        call: (...parameters) => (count(), native.call(...parameters)),
        callAsync: (...parameters) => (count(), native.callAsync(...parameters)),
      };
    };
    return { path, declare };
  };
  return {
    adapter: libraries.adapter,
    load,
    poll: libraries.poll.bind(libraries),
    readMemory: libraries.readMemory.bind(libraries),
    addressOf: libraries.addressOf.bind(libraries),
  };
}

/** Opening a socket in a pod: in, socket, its options, back. */
const oneSocket = { setns: 2, socket: 1, setsockopt: 4 };

/** In place of an earlier one. */
const pin = { mount: 1 };

const configuration = JSON.stringify({
  apiVersion: 'patchbay.dev/v1alpha1',
  kind: 'DriverConfig',
  nodeName: 'node',
  backends: [
    { kind: 'veth', networks: [{ name: 'blue', mode: 'bridge', bridge: 'br0' }] },
    { kind: 'macvlan', parents: [{ link: 'uplink0' }] },
    { kind: 'hostdev', links: [{ name: 'nic*' }] },
  ],
});

describe('attaching one device', () => {
  const { signal } = new AbortController();
  const directory = mkdtempSync(join(tmpdir(), 'hook-'));
  let host: RouteSocket;
  let services: HostServices;

  beforeAll(() => {
    useForeignLibraries(counted(loadForeignLibraries()));
    host = RouteSocket.open();
    host.createLink({ name: 'br0', up: true, kind: { kind: 'bridge' } });
    for (const name of ['uplink0', 'nic0']) {
      const port = host.createLink({ name: `p-${name}`, up: true, kind: { kind: 'veth', peer: { name } } });
      host.execute(linkSet(port.parent ?? 0, { up: true }));
    }
    const { config, backends } = parseDriverConfig(configuration, backendModules, 'test');
    const logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => logger };
    services = openHostServices({
      config: { ...config, state: { ...config.state, directory } },
      ...{ backends, logger },
    });
  });
  afterAll(() => {
    services[Symbol.dispose]();
    for (const name of ['p-uplink0', 'p-nic0', 'br0']) host.execute(linkDelete({ name }));
    host.close();
    rmSync(directory, { recursive: true });
  });

  async function prepare(kind: string, backend: Backend, parameters: JsonObject): Promise<JsonObject> {
    const [device] = await backend.discovery.list(signal);
    if (device === undefined) throw new Error(`no device of backend ${kind}`);
    const schemas = new Map(backendModules.map((module) => [module.kind, module.parametersSchema]));
    const document = { apiVersion: 'patchbay.dev/v1alpha1', kind: 'InterfaceConfig', ...parameters };
    const asked = [{ source: 'FromClaim' as const, parameters: document }];
    const { interface: setup, section } = new InterfaceParameters(schemas).resolve(asked, kind, device.name);
    const claim = { uid: `claim-${kind}`, namespace: 'default', name: 'claim' };
    const request = { claim, request: 'net', device, interface: setup, parameters: section };
    return backend.attach.prepare(request, signal);
  }

  /** Attaches the second of two, because the first one opens what is kept, and detaches both. */
  async function countCalls(kind: string, parameters: JsonObject): Promise<Record<string, number>> {
    const backend = services.backends.get(kind);
    if (backend === undefined) throw new Error(`no backend ${kind}`);
    const prepared = await prepare(kind, backend, parameters);
    let found = {};
    for (const podUID of ['first', 'second']) {
      using pod = NetworkNamespace.create();
      const networkNamespacePath = `/proc/${process.pid}/fd/${pod.fd}`;
      const sandbox = {
        ...{ podUID, podName: podUID, podNamespace: 'default' },
        ...{ sandboxId: podUID, networkNamespacePath },
      };
      calls = {};
      await backend.attach.attach(prepared, sandbox, signal);
      found = { ...calls };
      await backend.attach.detach(prepared, sandbox, signal);
    }
    return found;
  }

  const plain = { interface: { name: 'lan0' } };
  const configured = {
    interface: { name: 'lan0', addresses: ['10.20.0.1/24'], mtu: 1400 },
    routes: [{ destination: '10.30.0.0/16', gateway: '10.20.0.254' }],
  };

  it.each([
    // Created together with its peer, which the echo tells of; brought up.
    { kind: 'veth', parameters: plain, expected: { send: 2, recv: 3, ioctl: 1 } },
    // With addresses and routes the pod's own are read before.
    { kind: 'veth', parameters: configured, expected: { send: 4, recv: 6, ioctl: 1 } },
    // Created, found, brought up.
    { kind: 'macvlan', parameters: plain, expected: { send: 2, recv: 2, ioctl: 2 } },
    { kind: 'macvlan', parameters: configured, expected: { send: 4, recv: 5, ioctl: 2 } },
    // Looked up, moved together with its mark, found, brought up. Its namespace is pinned.
    { kind: 'hostdev', parameters: plain, expected: { send: 3, recv: 4, ioctl: 2, ...pin } },
    { kind: 'hostdev', parameters: configured, expected: { send: 5, recv: 7, ioctl: 2, ...pin } },
  ])('costs these calls: $kind with $parameters', async ({ kind, parameters, expected }) => {
    expect(await countCalls(kind, parameters)).toEqual({ ...oneSocket, ...expected });
  });
});
