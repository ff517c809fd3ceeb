import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Tests that take minutes run with TEK_SLOW=1 only, and always where CI is set up to do so.
const slow = process.env['TEK_SLOW'] === '1' ? [] : ['**/*.slow.test.ts']
// `npm run test:faults` sets this, after it has built the program that these tests kill.
const faults = process.env['TEK_FAULTS'] === '1' ? [] : ['**/*.faults.test.ts']

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'packages/*/web/src/**/*.test.ts',
      'packages/*/test/**/*.test.ts',
      'test/**/*.test.ts',
      'scripts/**/*.test.ts',
      'bench/**/*.test.ts',
    ],
    exclude: ['**/node_modules/**', '**/dist/**', ...slow, ...faults],
    pool: 'forks',
    // Many tests wait for other programs, so that two share two processors well; vitest alone would run one at a time there.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
