import { defineEventHandler } from '../../nitro'
import { answerProbe } from '../answer'
import { healthService } from '../service'

/** `GET /api/health/ready`: whether requests should come here. */
export default defineEventHandler(async event => answerProbe(event, await healthService.use()().probes.ready()))
