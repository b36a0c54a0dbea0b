import { defineEventHandler } from '../../nitro'
import { answerProbe } from '../answer'
import { currentHealth } from '../current'

/** `GET /api/health/startup`: whether the start is over. */
export default defineEventHandler(async event => answerProbe(event, await currentHealth().probes.startup()))
