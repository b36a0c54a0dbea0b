import { defineScaleDatabase } from 'nuxt-scale/config'

/** No route of this app asks a database: what is measured is that one could. */
export default defineScaleDatabase(({ name }) => ({ name, $disconnect: async () => {} }))
