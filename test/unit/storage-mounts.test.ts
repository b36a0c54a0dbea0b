import { expect, it } from 'vitest'
import { findNitroMounts } from '../../src/build/storage'

const memory = { driver: 'memory' }

it('the mounts that the module may replace are those of Nitro and its preset, and none of the app', () => {
  const config = { storage: { redis: memory }, devStorage: { src: memory } }
  const options = { storage: { redis: memory, data: memory }, devStorage: { src: memory, cache: memory }, _config: config }
  expect(findNitroMounts(options)).toEqual(['data', 'cache'])
  expect(findNitroMounts({ ...options, _config: { storage: { cache: memory } } })).not.toContain('cache')
})
