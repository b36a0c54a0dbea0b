import { addServerTemplate } from '@nuxt/kit'
import type { FeatureContext } from './types'
import { findServerFile } from './user-file'

/**
 * Makes the default export of `server/scale.config.ts` importable as `#scale/config.mjs`. If the file does not exist, the export is
 * empty.
 */
export function provideScaleConfig({ nuxt }: Pick<FeatureContext, 'nuxt'>): void {
  const file = findServerFile(nuxt, 'scale.config')
  addServerTemplate({
    filename: '#scale/config.mjs',
    getContents: () => file ? `export { default } from ${JSON.stringify(file)}\n` : 'export default {}\n',
  })
}
