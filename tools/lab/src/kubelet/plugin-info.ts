import { z } from 'zod';
import { draDescriptor } from '../generated/dra-descriptor.ts';
import { UnaryClient, serviceDefinition } from '../grpc/unary-client.ts';
import type { DraServiceName, HealthServiceName, KubeletRelease } from './kubelet-release.ts';

const registrationService = serviceDefinition(draDescriptor, 'pluginregistration.Registration');

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

/** The services of a driver that the kubelet uses. */
export interface ChosenServices {
  readonly service: DraServiceName;
  /** Undefined when the driver does not report health, or in no version that the kubelet knows. */
  readonly healthService: HealthServiceName | undefined;
}

/**
 * Checks a driver's answer as the kubelet of a release does and picks the services to use: for claims the first of the driver's list that the
 * kubelet knows, so drivers name the best first; for health the kubelet's best, in whatever order the driver names them.
 *
 * @returns the services, or in `refusal` what the kubelet would tell the driver
 */
export function judgePluginInfo(
  info: PluginInfo,
  release: KubeletRelease,
): ChosenServices | { readonly refusal: string } {
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
  const { supportedVersions } = info;
  if (supportedVersions.length === 0) return { refusal: 'empty list for supported gRPC services' };
  const known = release.draServices;
  const service = supportedVersions
    .map((offered) => known.find((name) => name === offered))
    .find((name) => name !== undefined);
  if (service === undefined) {
    const offered = supportedVersions.join(', ');
    return { refusal: `none of ${known.join(', ')} is among the supported gRPC services ${offered}` };
  }
  return { service, healthService: release.healthServices.find((name) => supportedVersions.includes(name)) };
}
