import { generate } from 'selfsigned';

/** The certificates of one server run, PEM texts. */
export interface ServerCertificates {
  /** What a client must trust. */
  authority: string;
  certificate: string;
  privateKey: string;
}

const LIFETIME_MS = 365 * 24 * 3600 * 1000;

/** Makes a new certificate authority and a server certificate for 127.0.0.1 and localhost signed by it. */
export async function createServerCertificates(): Promise<ServerCertificates> {
  const validity = {
    keyType: 'ec' as const,
    algorithm: 'sha256',
    // A client on a machine with a slightly slow clock must not find it "not yet valid".
    notBeforeDate: new Date(Date.now() - 3600 * 1000),
    notAfterDate: new Date(Date.now() + LIFETIME_MS),
  };
  const authority = await generate([{ name: 'commonName', value: 'lab-ca' }], {
    ...validity,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const server = await generate([{ name: 'commonName', value: 'lab-apiserver' }], {
    ...validity,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { authority: authority.cert, certificate: server.cert, privateKey: server.private };
}
