import { defineEventHandler } from '../../nitro'
import { answerProbe } from '../answer'
import { currentHealth } from '../current'

/** `GET /api/health`: what readiness says, with the state of the machine for those who may see it. */
export default defineEventHandler(async event => answerProbe(event, await currentHealth().probes.ready(), true))
