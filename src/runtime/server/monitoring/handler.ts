import { defineEventHandler } from '../nitro'
import { monitoringService } from './service'

/** `POST /_scale/ingest`: receives the reports of browsers. */
export default defineEventHandler(({ node }) => monitoringService.use().ingest(node.req, node.res))
