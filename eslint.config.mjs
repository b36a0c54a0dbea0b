import { createConfigForNuxt } from '@nuxt/eslint-config/flat'

/** A short guard stands on one line without braces; any other block has braces. */
const shortGuard = {
  meta: { type: 'layout', fixable: 'code', schema: [], messages: { long: 'Write this guard on one line without braces.' } },
  create: ({ sourceCode, report }) => ({
    IfStatement(node) {
      const { test, consequent, alternate, parent } = node
      const [statement, ...others] = consequent.body ?? []
      const isGuard = /^(?:Return|Throw|Break|Continue)Statement$/.test(statement?.type) && others.length === 0
      if (!isGuard || alternate || parent.alternate === node || sourceCode.getCommentsInside(consequent).length > 0) return
      const line = `if (${sourceCode.getText(test)}) ${sourceCode.getText(statement)}`
      if (line.includes('\n') || node.loc.start.column + line.length > 100) return
      report({ node, messageId: 'long', fix: fixer => fixer.replaceText(node, line) })
    },
  }),
}

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
  files: ['src/**/*.ts'],
  plugins: { house: { rules: { 'short-guard': shortGuard } } },
  rules: {
    'house/short-guard': 'error',
    'no-restricted-syntax': ['error', {
      selector: ':matches(PropertyDefinition, MethodDefinition, TSParameterProperty)[accessibility]',
      message: 'Write private fields and methods as #name.',
    }],
  },
}, {
  ignores: ['dist', '**/.nuxt', '**/.output', '**/generated', 'bench/results'],
})
