import { defineEventHandler } from '../../nitro'
import { answerProbe } from '../answer'
import { healthService } from '../service'

/** `GET /api/health/live`: whether the process is worth keeping. */
export default defineEventHandler(event => answerProbe(event, healthService.use()().probes.live()))
