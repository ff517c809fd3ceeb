import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
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

/** Names of the files of the last build. */
const LIST = '.files-of-build'
const BUILDING = '.build-'
/** A build that is older than this was stopped. */
const STOPPED_MS = 3_600_000

/**
 * Puts the gateway and its libraries together into a few files, unless nothing has changed since: to find and read a
 * thousand single ones was a third of its start (scenario start-up of bench/).
 *
 * Whoever starts a gateway meanwhile, or stops the build, finds the old build or the new one, and nothing in between.
 */
export async function bundleGateway(): Promise<void> {
  if (isUpToDate(join(dist, ENTRY), root, SOURCES)) return
  const begun = new Date()
  await mkdir(dist, { recursive: true })
  const building = await mkdtemp(join(dist, BUILDING))
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
    await removeEarlier(names)
  } finally {
    await rm(building, { recursive: true, force: true })
  }
}

/** Leaves the build before: a gateway that runs may still load files of it. */
async function removeEarlier(names: readonly string[]): Promise<void> {
  const list = join(dist, LIST)
  const before = await readFile(list, 'utf8').catch(() => '')
  // One line each: what another build is just writing is then a part of them, at worst.
  await writeFile(list, names.join('\n'))
  const kept = new Set([...names, ...before.split('\n'), LIST])
  for (const entry of await readdir(dist)) {
    if (kept.has(entry) || (entry.startsWith(BUILDING) && (await isRecent(join(dist, entry))))) continue
    await rm(join(dist, entry), { recursive: true, force: true })
  }
}

/** False, too, for what another build has removed meanwhile. */
const isRecent = (path: string): Promise<boolean> =>
  stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs < STOPPED_MS,
    () => false,
  )
