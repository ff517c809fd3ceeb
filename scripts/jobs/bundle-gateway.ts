import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { root } from './lib.ts'
import { isUpToDate } from './up-to-date.ts'

const gateway = join(root, 'packages', 'gateway')
const dist = join(gateway, 'dist')
const ENTRY = 'main.js'

/** What the gateway is made of; a new version of a library comes with the lock file. */
const SOURCES = [
  'packages/{gateway,analytics-record}/src/**/*',
  'packages/{gateway,analytics-record}/package.json',
  'pnpm-lock.yaml',
  'scripts/jobs/bundle-gateway.ts',
]

/** A gateway that runs meanwhile may still load files of its own build. */
const KEPT_MS = 86_400_000

/**
 * Puts the gateway and its libraries together into a few files, unless nothing has changed since: to find and read a
 * thousand single ones was half of its start (scenario start-up of bench/).
 *
 * Whoever starts a gateway meanwhile, or stops the build, finds the old build or the new one, and nothing in between.
 */
export async function bundleGateway(): Promise<void> {
  if (isUpToDate(join(dist, ENTRY), root, SOURCES)) return
  const begun = new Date()
  await mkdir(dist, { recursive: true })
  const building = await mkdtemp(join(dist, '.build-'))
  try {
    await using bundle = await rolldown({
      input: join(gateway, 'src', 'main.ts'),
      platform: 'node',
      // It finds its machine code beside its own files.
      external: ['bcrypt'],
      resolve: { conditionNames: ['source', 'node'] },
    })
    const { output } = await bundle.write({
      dir: building,
      entryFileNames: '[name].js',
      chunkFileNames: '[name]-[hash].js',
    })
    const names = output.map(({ fileName }) => fileName)
    for (const name of names.filter((one) => one !== ENTRY)) await rename(join(building, name), join(dist, name))
    // Sources that have changed since the beginning are newer than it.
    await utimes(join(building, ENTRY), begun, begun)
    await rename(join(building, ENTRY), join(dist, ENTRY))
    await removeEarlier(new Set(names))
  } finally {
    await rm(building, { recursive: true, force: true })
  }
}

async function removeEarlier(kept: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(dist)) {
    if (kept.has(entry)) continue
    const path = join(dist, entry)
    const { mtimeMs } = await stat(path)
    if (Date.now() - mtimeMs > KEPT_MS) await rm(path, { recursive: true, force: true })
  }
}
