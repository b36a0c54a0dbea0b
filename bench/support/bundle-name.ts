/** Environment variable that names the bundled cache for the processes of the bench. */
export const ENGINE_VARIABLE = 'NUXT_SCALE_BENCH_ENGINE'
