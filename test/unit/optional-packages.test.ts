import { rollup } from 'rollup'
import { expect, it } from 'vitest'
import { createOptionalPackagesPlugin } from '../../src/build/optional-packages'

/** What Rollup warns of when an entry imports these packages, of which `here` is installed. */
async function warningsOf(...imports: string[]): Promise<string[]> {
  const files: Record<string, string> = { entry: imports.map(name => `export const ${name} = () => import('${name}')`).join('\n'), here: 'export default "here"' }
  const warnings: string[] = []
  const build = await rollup({
    input: 'entry',
    onwarn: ({ code, exporter }) => warnings.push(`${code} ${exporter}`),
    plugins: [
      createOptionalPackagesPlugin(['here', 'away']),
      { name: 'files', resolveId: id => id in files ? id : undefined, load: id => files[id] },
    ],
  })
  const { output } = await build.generate({ inlineDynamicImports: true })
  await build.close()
  expect(output[0].code.includes('"here"')).toBe(imports.includes('here'))
  return warnings
}

it('optional packages that are missing stay imports without a word, and those that are there are bundled', async () => {
  expect(await warningsOf('here', 'away')).toEqual([])
  expect(await warningsOf('other')).toEqual(['UNRESOLVED_IMPORT other'])
})
