import { defineEventHandler } from '../../nitro'
import { answerProbe } from '../answer'
import { healthService } from '../service'

/** `GET /api/health`: what readiness says, with the state of the machine for those who may see it. */
export default defineEventHandler(async event => answerProbe(event, await healthService.use()().probes.ready(), true))
