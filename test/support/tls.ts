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
  /** File of the authority's certificate. */
  caFile: string
  /** File of the server's certificate, valid for `127.0.0.1`, `::1` and `localhost`. */
  certificateFile: string
  /** File of the server's private key. */
  keyFile: string
}

/**
 * Makes an authority and a server certificate with openssl, valid for one day.
 * @param directory folder that receives the files
 * @throws Error when openssl fails
 */
export async function createServerCertificates(directory: string): Promise<ServerCertificates> {
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
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1',
    '-addext', 'basicConstraints=critical,CA:false',
  ], { timeout })

  return { ca: await readFile(caFile, 'utf8'), caFile, certificateFile, keyFile }
}
