import type { Finding } from './finding'
import { notesOf } from './finding'
import type { DoctorContext } from './context'
import { ANSWER_TIMEOUT, skewOf } from './context'

/** Checks the health route of a running deployment. */
export async function examineDeployment(
  { url, options: { health, tenancy }, balancerKeepAlive }: DoctorContext,
): Promise<readonly Finding[]> {
  const notes = notesOf('deployment')
  if (url === undefined || !health) return notes.findings
  const address = new URL(`.${health.path}`, url.endsWith('/') ? url : `${url}/`)
  const asked = Date.now()
  let response: Response
  try {
    response = await fetch(address, { signal: AbortSignal.timeout(ANSWER_TIMEOUT), headers: { accept: 'application/json' } })
  }
  catch (error) {
    const { cause } = error as { cause?: { message?: string } }
    notes.error(`${address.href} does not answer: `
      + `${(cause?.message || (error as Error).message).replace(/\.$/, '')}.`, 'Start the deployment, or check its address.')
    return notes.findings
  }
  const text = await response.text()
  if (response.ok) notes.ok(`${address.href} reports that the instance is ready.`)
  else {
    notes.error(
      `${address.href} answers ${response.status}${response.status === 503 ? ': a dependency is missing' : ''}.`,
      'Request it with the token of scale.health.token to see details, and check the logs of the instances.',
    )
  }
  if (response.headers.get('cache-control')?.includes('no-store') !== true) {
    notes.error(`A proxy may cache the response of ${address.href}.`, 'Exclude the health routes from the cache of your proxy.')
  }
  if (!text.includes('"status"')) {
    notes.error(`The response of ${address.href} does not come from nuxt-scale.`, 'Check the address, and the proxies in front of the app.')
  }

  const date = Date.parse(response.headers.get('date') ?? '')
  // The header is rounded down to whole seconds.
  const skew = Number.isNaN(date) ? 0 : skewOf(date, asked - 1000, Date.now())
  if (skew > 0) notes.warn(`The clock of ${address.host} differs by ${skew} ms.`, 'Run chrony or another NTP client.')

  const keepAlive = Number(/timeout=(\d+)/.exec(response.headers.get('keep-alive') ?? '')?.[1] ?? Number.NaN) * 1000
  if (balancerKeepAlive !== undefined && keepAlive <= balancerKeepAlive) {
    notes.error(
      `${address.host} closes an idle connection after ${keepAlive / 1000} s, but the balancer keeps it for ${balancerKeepAlive / 1000} s, `
      + 'so a request may fail on a closed connection.',
      'Set a shorter time in the balancer.',
    )
  }
  if (tenancy && tenancy.trustedProxies === 'any' && address.protocol === 'http:') {
    notes.warn(`${address.host} uses plain HTTP, so the tenant header can be changed on its way.`, 'Use TLS up to the balancer.')
  }
  return notes.findings
}
