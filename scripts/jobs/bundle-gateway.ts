import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { root } from './lib.ts'
import { isUpToDate } from './up-to-date.ts'

const gateway = join(root, 'packages', 'gateway')
const dist = join(gateway, 'dist')

/** What the gateway is made of; a new version of a library comes with the lock file. */
const SOURCES = [
  'packages/{gateway,analytics-record}/src/**/*',
  'packages/{gateway,analytics-record}/package.json',
  'pnpm-lock.yaml',
  'scripts/jobs/bundle-gateway.ts',
]

/**
 * Puts the gateway and its libraries together into a few files, unless nothing has changed since: to find and read a
 * thousand single ones was half of its start (scenario start-up of bench/).
 */
export async function bundleGateway(): Promise<void> {
  if (isUpToDate(join(dist, 'main.js'), root, SOURCES)) return
  await using bundle = await rolldown({
    input: join(gateway, 'src', 'main.ts'),
    platform: 'node',
    // It finds its machine code beside its own files.
    external: ['bcrypt'],
    resolve: { conditionNames: ['source', 'node'] },
  })
  await bundle.write({ dir: dist, cleanDir: true, entryFileNames: '[name].js', chunkFileNames: '[name].js' })
}
