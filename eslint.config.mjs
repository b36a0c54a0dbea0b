import { createConfigForNuxt } from '@nuxt/eslint-config/flat'

export default createConfigForNuxt({
  features: { tooling: true, stylistic: true },
  dirs: { src: ['./playground'] },
}).append({
  rules: {
    // Parameters are described where their name does not say it all.
    'jsdoc/check-param-names': 'off',
    // The set of characters that a key may keep is a range by design.
    'regexp/no-obscure-range': 'off',
    // Nuxt names pages after their routes.
    'vue/multi-word-component-names': 'off',
  },
}, {
  ignores: ['dist', '**/.nuxt', '**/.output', '**/generated', 'bench/results'],
})
