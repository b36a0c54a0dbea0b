import { defineNuxtPlugin, useRuntimeConfig } from '#app/nuxt'
import { sampleRate } from '#build/scale/monitoring.mjs'

/** Tells a rendered page the sample rate of the server, if an environment variable has changed it since the build. */
export default defineNuxtPlugin({
  name: 'scale:sample-rate',
  setup({ payload }) {
    const { monitoring } = useRuntimeConfig().scale as unknown as { monitoring: { sampleRate: number } }
    const rate = Number(monitoring.sampleRate)
    if (rate !== sampleRate) (payload as { scaleSampleRate?: number }).scaleSampleRate = rate
  },
})
