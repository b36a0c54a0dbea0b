import { defineEventHandler } from '../../nitro'
import { answerProbe } from '../answer'
import { healthService } from '../service'

/** `GET /api/health/ready`: reports whether the instance should receive requests. */
export default defineEventHandler(async event => answerProbe(event, await healthService.use()().probes.ready()))
