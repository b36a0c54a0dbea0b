import { defineEventHandler } from '../../nitro'
import { answerProbe } from '../answer'
import { healthService } from '../service'

/** `GET /api/health/startup`: whether the start is over. */
export default defineEventHandler(async event => answerProbe(event, await healthService.use()().probes.startup()))
