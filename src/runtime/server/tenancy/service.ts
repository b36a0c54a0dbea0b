import { defineService } from '../core/service'
import type { TenantResolver } from './resolve'

/** The tenant resolver of this process. */
export const tenancyService = defineService<TenantResolver>(
  'A tenant was looked up before the server started: do it in a handler, a task or a plugin of your own, not at the top of a file.',
)
