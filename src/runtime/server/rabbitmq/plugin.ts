import consumers from '#scale/consumers.mjs'
import { useFeatureConfig, useScaleConfig } from '../core/scale-config'
import { onClose } from '../core/closing'
import { provideHealthCheck } from '../core/health-checks'
import { createLog } from '../core/log'
import { defineNitroPlugin, useRuntimeConfig } from '../nitro'
import { compilePathPatterns } from '../core/paths'
import { parseRole } from '../core/instance'
import { addStage } from '../request/handler-chain'
import { currentScope, runInScope } from '../request/call-context'
import { rabbitService } from './client'
import { openBroker } from './open-broker'
import { createRabbitFeature } from './rabbit-feature'
import type { RabbitmqModuleOptions } from './settings'
import { rabbitmqSettings } from './settings'
import { readTrace, runInTrace } from '../request/trace'
import { messageTransactionsService } from './transactions'
import { closeToRequests } from './worker'

/**
 * Starts the messaging feature with the server, and stops it at shutdown before the features that consumers use, such as the
 * database.
 */
export default defineNitroPlugin((nitroApp) => {
  const { app } = useRuntimeConfig()
  const scale = useScaleConfig()
  const given = useFeatureConfig<RabbitmqModuleOptions>('rabbitmq')
  // Prerendering runs during the build, where no broker is available and nothing is consumed.
  const options = import.meta.prerender ? { ...given, url: '' } : given
  const settings = rabbitmqSettings.resolve(options, import.meta.prerender ? {} : process.env)
  const role = import.meta.prerender ? 'web' : parseRole(scale.role)
  const remote = settings.urls.length > 0
  const log = createLog('rabbitmq')
  if (!remote && !import.meta.prerender) {
    if (role !== 'all') {
      throw new Error(`scale.role (NUXT_SCALE_ROLE) is '${role}', but no URL of RabbitMQ is set, `
        + 'so messages cannot reach another instance: set NUXT_SCALE_RABBITMQ_URL, or the role \'all\'.')
    }
    if (!import.meta.dev) {
      log.warn('No URL of RabbitMQ is set, so messages are kept in this process and are lost when it stops: '
        + 'set NUXT_SCALE_RABBITMQ_URL (or RABBITMQ_URL).')
    }
  }

  const broker = openBroker(settings, log)
  const feature = createRabbitFeature({
    broker,
    settings,
    role,
    log,
    transactions: messageTransactionsService.find(),
    currentTenant: currentScope,
    runAsTenant: runInScope,
  })
  rabbitService.provide(feature)
  if (remote) {
    provideHealthCheck({
      name: 'rabbitmq',
      feature: 'rabbitmq',
      // A worker can do nothing without the broker. Web instances still answer requests.
      essential: role === 'worker',
      run: timeout => broker.then(opened => opened.connect(timeout)),
    })
  }

  const { h3App } = nitroApp
  addStage(h3App, 'trace', next => (event) => {
    const { traceparent, tracestate } = event.node.req.headers
    const trace = traceparent === undefined ? undefined : readTrace(traceparent, tracestate)
    return trace === undefined ? next(event) : runInTrace(trace, () => next(event))
  })
  if (role === 'worker') {
    const base = app.baseURL.replace(/\/$/, '')
    const openPaths = ['/_scale/**', ...scale.health ? [`${scale.health.path}/**`] : []]
    closeToRequests(h3App, compilePathPatterns(openPaths, 'scale.health.path', { match: 'every', base }))
  }

  feature.start(consumers)
  const limit = { option: 'scale.rabbitmq.drainTimeout', milliseconds: settings.drainTimeout }
  onClose(nitroApp, 'consumers', left => feature.close(left), limit)
})
