import { createLog, isReporterReplaced } from '../core/log'
import { defineNitroPlugin, errorHandler } from '../nitro'
import { answerErrors } from './answer-errors'

/** Sends the responses for errors of all features. */
export default defineNitroPlugin(({ h3App, captureError }) => {
  const log = createLog('errors')
  answerErrors(h3App, {
    captureError,
    errorHandler,
    log: (line, error) => error ? log.error(line, error) : log.error(line),
    logsErrorsOfApp: isReporterReplaced,
  })
})
