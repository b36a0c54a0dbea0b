import { defineNitroPlugin } from '../nitro'
import { quietHooks } from './quiet'

/** Makes the hooks of a production server cheap to call. */
export default defineNitroPlugin(({ hooks }) => quietHooks(hooks))
