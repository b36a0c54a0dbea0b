import { defineEventHandler } from '../../nitro'
import { answerProbe } from '../answer'
import { healthService } from '../service'

/** `GET /api/health/live`: reports whether the process is alive or should be restarted. */
export default defineEventHandler(event => answerProbe(event, healthService.use()().probes.live()))
