import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { requireBinary } from './binaries.ts'

const run = promisify(execFile)
const timeout = 10_000

/** Certificates of a server on this machine, signed by an authority made for one test. */
export interface ServerCertificates {
  /** The authority's certificate in PEM, which a client must trust. */
  ca: string
  /** The server's certificate in PEM, for a client that has to show one. */
  certificate: string
  /** Its private key in PEM. */
  key: string
  /** File of the authority's certificate. */
  caFile: string
  /** File of the server's certificate. */
  certificateFile: string
  /** File of the server's private key. */
  keyFile: string
}

/**
 * Makes an authority and a server certificate with openssl, valid for one day.
 * @param directory folder that receives the files
 * @param names what the certificate is valid for, in openssl's words
 * @throws Error when openssl fails
 */
export async function createServerCertificates(directory: string, names = 'DNS:localhost,IP:127.0.0.1,IP:::1'): Promise<ServerCertificates> {
  const openssl = requireBinary('openssl')
  const caFile = join(directory, 'ca.crt')
  const caKeyFile = join(directory, 'ca.key')
  const certificateFile = join(directory, 'server.crt')
  const keyFile = join(directory, 'server.key')
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

  await run(openssl, [
    'req', '-x509', ...newKey, '-keyout', caKeyFile, '-out', caFile, '-days', '1',
    '-subj', '/CN=nuxt-scale test authority',
  ], { timeout })
  await run(openssl, [
    'req', '-x509', ...newKey, '-keyout', keyFile, '-out', certificateFile, '-days', '1',
    '-CA', caFile, '-CAkey', caKeyFile, '-subj', '/CN=localhost',
    '-addext', `subjectAltName=${names}`,
    '-addext', 'basicConstraints=critical,CA:false',
  ], { timeout })

  const [ca, certificate, key] = await Promise.all([caFile, certificateFile, keyFile].map(file => readFile(file, 'utf8')))
  return { ca: ca!, certificate: certificate!, key: key!, caFile, certificateFile, keyFile }
}

/** Arguments of redis-server, or lines of a Sentinel's configuration, that make it speak TLS alone on a port, to its peers too. */
export function tlsArguments(port: number, { caFile, certificateFile, keyFile }: ServerCertificates, clientCertificates = false): [name: string, value: string][] {
  return [
    ['port', '0'],
    ['tls-port', String(port)],
    ['tls-ca-cert-file', caFile],
    ['tls-cert-file', certificateFile],
    ['tls-key-file', keyFile],
    ['tls-auth-clients', clientCertificates ? 'yes' : 'no'],
    ['tls-replication', 'yes'],
  ]
}

/** What a client needs to be served under any of these options: the authority, a certificate to show, and a name that the server's bears. */
export function clientTls({ ca, certificate, key }: ServerCertificates): { ca: string, cert: string, key: string, checkServerIdentity: () => undefined } {
  // Tests of names are made with the module's own connection, not with this one.
  return { ca, cert: certificate, key, checkServerIdentity: () => undefined }
}
