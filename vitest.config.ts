import { defineConfig } from 'vitest/config'

// Tests that take minutes run with TEK_SLOW=1 only, and always where CI is set up to do so.
const slow = process.env['TEK_SLOW'] === '1' ? [] : ['**/*.slow.test.ts']

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'packages/*/test/**/*.test.ts',
      'test/**/*.test.ts',
      'scripts/**/*.test.ts',
    ],
    exclude: ['**/node_modules/**', '**/dist/**', ...slow],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
