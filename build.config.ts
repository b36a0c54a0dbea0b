import { defineBuildConfig } from 'unbuild'

export default defineBuildConfig({
  entries: ['src/config', 'src/prisma', 'src/cli'],
  externals: ['amqplib', 'nitropack', 'nitropack/types', 'nitropack/runtime', 'h3', 'ioredis', 'lru-cache', 'unstorage', 'devalue', 'consola', 'citty', 'yaml', 'rollup', '@prisma/adapter-pg', '@prisma/adapter-mariadb', '@prisma/adapter-better-sqlite3', 'pglite-prisma-adapter', '@electric-sql/pglite', 'pg'],
})
