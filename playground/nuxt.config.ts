export default defineNuxtConfig({
  modules: ['../src/module'],
  devtools: { enabled: false },
  app: {
    head: {
      htmlAttrs: { lang: 'en' },
      title: 'nuxt-scale shop',
      meta: [{ name: 'viewport', content: 'width=device-width, initial-scale=1' }, { name: 'color-scheme', content: 'light dark' }],
    },
  },
  css: ['@picocss/pico/css/pico.min.css', '~/shop.css'],
  runtimeConfig: {
    shop: {
      /** Artificial delay of every query, in milliseconds. */
      delay: 150,
    },
  },
  routeRules: {
    '/about': { swr: 3600 },
    '/faq': { swr: 3600 },
    '/api/offers': { cache: { maxAge: 600, swr: true, tags: ['products'], allowQuery: ['category'] } },
    '/api/cart': { cache: false },
  },
  compatibilityDate: '2026-11-01',
  telemetry: false,
  scale: {
    cache: { debugHeaders: true },
    database: { maxConnections: 30 },
    monitoring: {},

    // Messages stay in the process until RABBITMQ_URL is set. The short delays make retries visible.
    rabbitmq: {
      retry: { delays: ['1s', '3s', '9s'] },
      outbox: { databases: ['shard eu', 'shard us', 'shard asia'], interval: '10s' },
    },
    tenancy: {
      // Each tenant has its own host, such as acme.localhost:3000. localhost:3000 is the shop of the default tenant.
      baseDomains: ['localhost'],
      trustedProxies: 'any',
      default: 'acme',
      map: Object.fromEntries(['acme', 'globex', 'initech'].map(tenant => [tenant, { url: 'pglite:memory', schema: tenant }])),
      exclude: ['/api/users/**', '/api/dashboard/**'],
    },
    shards: {
      map: Object.fromEntries(['eu', 'us', 'asia'].map(shard => [shard, { url: 'pglite:memory', schema: `shard_${shard}` }])),
      regions: { EU: 'eu', US: 'us', CA: 'us', AS: 'asia', AU: 'asia' },
      defaultRegion: 'EU',
    },
    // A short delay, because no balancer checks the readiness of the playground.
    shutdown: { drainDelay: '500ms' },
    // Settings for `npx nuxt-scale nginx --cwd playground`. The demo sets free ports in these variables.
    deploy: {
      name: 'shop',
      serverName: ['localhost', '*.localhost', '127.0.0.1'],
      listen: { http: Number(process.env.SHOP_PORT ?? 8080), ipv6: false },
      servers: (process.env.SHOP_INSTANCES ?? '3001,3002,3003').split(',').map(port => ({ host: '127.0.0.1', port: Number(port) })),
    },
  },
})
