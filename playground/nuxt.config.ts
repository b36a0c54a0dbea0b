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
      /** Artificial delay in ms of every query. */
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
  },
})
