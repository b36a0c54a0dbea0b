import type { IncomingMessage } from 'node:http'

/** Reason for which a body could not be read. */
export type BodyFault = 'size' | 'time' | 'aborted'

/**
 * Reads a body. It stops as soon as the body is larger than `most`, so that no request holds more memory than this.
 *
 * @param most largest body in bytes
 * @param timeout milliseconds that the body may take to arrive
 */
export function readBody(request: IncomingMessage, most: number, timeout: number): Promise<string | { fault: BodyFault }> {
  if (Number(request.headers['content-length'] ?? 0) > most) return Promise.resolve({ fault: 'size' })
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    const timer = setTimeout(() => finish({ fault: 'time' }), timeout)

    function finish(result: string | { fault: BodyFault }): void {
      clearTimeout(timer)
      request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone)
      if (typeof result !== 'string') request.pause()
      resolve(result)
    }

    function onData(chunk: Buffer): void {
      size += chunk.length
      if (size > most) finish({ fault: 'size' })
      else chunks.push(chunk)
    }

    const onEnd = () => finish(Buffer.concat(chunks).toString('utf8'))
    const onGone = () => finish({ fault: 'aborted' })
    request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone)
  })
}
