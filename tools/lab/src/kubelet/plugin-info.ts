import { z } from 'zod';
import { draDescriptor } from '../generated/dra-descriptor.ts';
import { UnaryClient, serviceDefinition } from '../grpc/unary-client.ts';

const registrationService = serviceDefinition(draDescriptor, 'pluginregistration.Registration');

/** The DRA services that the kubelet can talk to, best first, by the names that drivers register. */
export const knownServices = ['v1.DRAPlugin', 'v1beta1.DRAPlugin'] as const;

/** A service by the name that drivers register; the name on the wire is another. */
export type DraServiceName = (typeof knownServices)[number];

const infoSchema = z.object({
  type: z.string(),
  name: z.string(),
  endpoint: z.string(),
  supportedVersions: z.array(z.string()),
});

/** A driver's answer to GetInfo (`pluginregistration.PluginInfo`). */
export type PluginInfo = z.infer<typeof infoSchema>;

/** Milliseconds for one call on a registration socket. */
const timeoutMs = 5000;

/** The registration service of one driver, as the kubelet calls it. */
export class RegistrationClient {
  readonly #client: UnaryClient;

  constructor(socket: string) {
    this.#client = new UnaryClient(socket, registrationService);
  }

  /** Who the driver is and what it serves. */
  async getInfo(): Promise<PluginInfo> {
    return infoSchema.parse(await this.#client.call('GetInfo', {}, { timeoutMs }));
  }

  /** Tells the driver how its registration went. */
  async notify(registered: boolean, error = ''): Promise<void> {
    const request = { pluginRegistered: registered, error };
    await this.#client.call('NotifyRegistrationStatus', request, { timeoutMs });
  }

  close(): void {
    this.#client.close();
  }
}

/**
 * Checks a driver's answer as the kubelet does and picks the service to use: the first that the kubelet knows, whatever order the driver
 * names them in.
 *
 * @returns the service, or in `refusal` what the kubelet would tell the driver
 */
export function judgePluginInfo(info: PluginInfo): { service: DraServiceName } | { refusal: string } {
  if (info.type !== 'DRAPlugin') return { refusal: `no handler registered for plugin type: ${info.type}` };
  // The API server's rule for driver names: a DNS subdomain of at most 63 characters.
  if (
    info.name.length > 63 ||
    !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(info.name)
  ) {
    return { refusal: `plugin name '${info.name}' is not a DNS subdomain of at most 63 characters` };
  }
  if (!info.endpoint.startsWith('/'))
    return { refusal: `endpoint '${info.endpoint}' is not an absolute path` };
  if (info.supportedVersions.length === 0) return { refusal: 'empty list for supported gRPC services' };
  const service = knownServices.find((name) => info.supportedVersions.includes(name));
  if (service === undefined) {
    const offered = info.supportedVersions.join(', ');
    return { refusal: `none of ${knownServices.join(', ')} is among the supported gRPC services ${offered}` };
  }
  return { service };
}
