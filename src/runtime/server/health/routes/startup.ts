import { defineEventHandler } from '../../nitro'
import { answerProbe } from '../answer'
import { healthService } from '../service'

/** `GET /api/health/startup`: reports whether the instance has started. */
export default defineEventHandler(async event => answerProbe(event, await healthService.use()().probes.startup()))
