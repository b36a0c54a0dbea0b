import type { Finding } from './finding'
import { notesOf } from './finding'
import type { Patient } from './patient'
import { ANSWER_TIMEOUT, skewOf } from './patient'

/** What a running deployment answers. */
export async function examineDeployment({ url, options: { health, tenancy }, balancerKeepAlive }: Patient): Promise<readonly Finding[]> {
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
    notes.error(`${address.href} does not answer: ${(cause?.message || (error as Error).message).replace(/\.$/, '')}.`, 'Start the deployment, or look at its address.')
    return notes.findings
  }
  const text = await response.text()
  if (response.ok) notes.ok(`${address.href} says that it can serve.`)
  else notes.error(`${address.href} answers ${response.status}${response.status === 503 ? ': a dependency is missing' : ''}.`, 'Ask it with the token of scale.health.token for details, and look at the log of the instances.')
  if (response.headers.get('cache-control')?.includes('no-store') !== true) notes.error(`The answer of ${address.href} may be cached on its way.`, 'Leave the health routes out of the cache of your proxy.')
  if (!text.includes('"status"')) notes.error(`${address.href} is answered by something else than nuxt-scale.`, 'Look at the address, and at what stands in front of it.')

  const date = Date.parse(response.headers.get('date') ?? '')
  // The header has whole seconds.
  const skew = Number.isNaN(date) ? 0 : skewOf(date, asked - 1000, Date.now())
  if (skew > 0) notes.warn(`The clock behind ${address.host} is ${skew} ms off.`, 'Run chrony or another NTP client.')

  const keepAlive = Number(/timeout=(\d+)/.exec(response.headers.get('keep-alive') ?? '')?.[1] ?? Number.NaN) * 1000
  if (balancerKeepAlive !== undefined && keepAlive <= balancerKeepAlive) notes.error(`${address.host} closes an idle connection after ${keepAlive / 1000} s, and the balancer keeps it for ${balancerKeepAlive / 1000} s, so a request may meet a closed connection.`, 'Give the balancer the shorter time.')
  if (tenancy && tenancy.trustedProxies === 'any' && address.protocol === 'http:') notes.warn(`${address.host} speaks plain HTTP, where anybody on the way can change the header of the tenant.`, 'Use TLS up to the balancer.')
  return notes.findings
}
