import { defineEventHandler } from '../../nitro'
import { answerProbe } from '../answer'
import { currentHealth } from '../current'

/** `GET /api/health/live`: whether the process is worth keeping. */
export default defineEventHandler(event => answerProbe(event, currentHealth().probes.live()))
