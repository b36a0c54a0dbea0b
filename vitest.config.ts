import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          sequence: { groupOrder: 2 },
          include: ['test/unit/**/*.test.ts'],
          // Property tests and millions of keys take their time on a busy machine.
          testTimeout: 30_000,
        },
      },
      {
        // They mostly wait for servers, so two files keep two cores busy.
        test: {
          name: 'integration',
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // They mostly wait for builds and servers, so two files keep two cores busy.
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
        },
      },
      {
        // The documentation: its code is type-checked, its commands are parsed, its first pages are built and asked.
        test: {
          name: 'docs',
          sequence: { groupOrder: 3 },
          include: ['test/docs/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            checker: 'vue-tsc',
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: './test/types/tsconfig.json',
          },
        },
      },
    ],
  },
})
