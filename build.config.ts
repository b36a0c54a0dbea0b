import { defineBuildConfig } from 'unbuild'

export default defineBuildConfig({
  externals: ['nitropack', 'nitropack/types', 'nitropack/runtime', 'h3', 'ioredis', 'lru-cache', 'unstorage', 'devalue', 'consola', 'rollup'],
})
