import { useFeatureConfig } from '../core/scale-config'
import { createLog, replaceReporter } from '../core/log'
import { defineNitroPlugin } from '../nitro'
import { callContext, runInContext, runRequest } from '../request/call-context'
import { addStage } from '../request/handler-chain'
import { scaleLogContext } from './context'
import { createJsonReporter } from './json-lines'
import { requestIdOf } from './request-id'
import type { LogModuleOptions } from './settings'
import { logSettings } from './settings'

/** Gives each request its id, and writes the lines of the module and the errors of the app as JSON if the options say so. */
export default defineNitroPlugin((nitroApp) => {
  const { format, header, trusts } = logSettings.resolve(useFeatureConfig<LogModuleOptions>('log'))

  addStage(nitroApp.h3App, 'request-id', next => (event) => {
    const { req, res } = event.node
    // An internal request of the server has the id of the outer request.
    const outer = callContext()?.requestId
    const id = outer ?? requestIdOf({ headers: req.headers, peer: req.socket?.remoteAddress, header, trusts })
    Object.assign(event.context, { requestId: id })
    if (outer === undefined) res.setHeader(header, id)
    return runRequest(event, 'requestId', id, () => next(event))
  })

  // h3 calls it outside the chain, where the id would be unknown.
  const { options } = nitroApp.h3App
  const { onError } = options
  if (onError) options.onError = (error, event) => runInContext({ requestId: event.context.requestId }, () => onError(error, event))

  if (format !== 'json' || import.meta.dev || import.meta.prerender) return
  replaceReporter(createJsonReporter({ fields: scaleLogContext, write: line => process.stdout.write(`${line}\n`) }))
  const log = createLog('app')
  // Errors of requests are logged with their response. These are the others: of plugins, tasks and unhandled rejections.
  nitroApp.hooks.hook('error', (error, { event }) => {
    if (!event) log.error(error)
  })
})
