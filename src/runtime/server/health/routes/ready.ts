import { defineEventHandler } from '../../nitro'
import { answerProbe } from '../answer'
import { currentHealth } from '../current'

/** `GET /api/health/ready`: whether requests should come here. */
export default defineEventHandler(async event => answerProbe(event, await currentHealth().probes.ready()))
