import { defineEventHandler } from '../../nitro'
import { answerProbe } from '../answer'
import { healthService } from '../service'

/** `GET /api/health`: reports readiness, and system information to callers that may see it. */
export default defineEventHandler(async event => answerProbe(event, await healthService.use()().probes.ready(), true))
