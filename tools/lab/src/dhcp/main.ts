/** Fetches the DHCP server that tests use, so that it is there where there is no network. The exit code is 3 when it cannot be had. */
import { LabUnavailableError } from '../lab-unavailable-error.ts';
import { fetchDnsmasq } from './fetch-dnsmasq.ts';

try {
  await fetchDnsmasq();
} catch (error) {
  if (!(error instanceof LabUnavailableError)) throw error;
  console.error(`lab: ${error.message}`);
  process.exitCode = 3;
}
