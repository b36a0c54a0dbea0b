const inheritedByMistake = [
  // What a test runner sets changes how Nuxt builds and how much it logs.
  /^VITEST/, /^VITE_/, /^TEST$/, /^NODE_ENV$/, /^NODE_OPTIONS$/, /^NODE_V8_COVERAGE$/, /^MODE$/, /^DEV$/, /^PROD$/, /^SSR$/, /^BASE_URL$/,
  // What the app under test reads must come from the test alone.
  /^NUXT_/, /^NITRO_/, /^REDIS_/, /^RABBITMQ_/, /^DATABASE_URL/, /^PORT$/, /^HOST$/,
]

/**
 * The environment of a production process: this process's own, without what the test runner added and
 * without every variable the app reads.
 * @param additions variables set on top; `undefined` removes one
 */
export function productionEnvironment(additions: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !inheritedByMistake.some(pattern => pattern.test(name)))
  return { ...Object.fromEntries(kept), NODE_ENV: 'production', ...additions }
}
