import { defineNitroPlugin } from '../nitro'
import { quietHooks } from './quiet'

/** Makes hook calls cheaper on a production server. */
export default defineNitroPlugin(({ hooks }) => quietHooks(hooks))
