import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Plugin, rolldown } from 'rolldown'
import { root } from './lib.ts'
import { isUpToDate } from './up-to-date.ts'

/** The programs that are built so, and which of their files besides main.ts threads and processes of theirs begin with. */
const PROGRAMS = {
  gateway: [],
  pump: ['sinks/sql/upkeep-thread.ts', 'sinks/sql/build-indexes.ts'],
} as const

export type BundledProgram = keyof typeof PROGRAMS

export const bundledPrograms = Object.keys(PROGRAMS) as BundledProgram[]

const ENTRY = 'main.js'

/** Names of the files of the last build. */
const LIST = '.files-of-build'
const BUILDING = '.build-'
/** A build that is older than this was stopped. */
const STOPPED_MS = 3_600_000

/** Where a program looks for its Lua scripts, beside the file that names them. */
const SCRIPTS = './scripts/'

/**
 * Puts a program and its libraries together into a few files, unless nothing has changed since: to find and read a thousand
 * single ones was a third of the gateway's start and half of the pump's (scenario start-up of bench/).
 *
 * Whoever starts the program meanwhile, or stops the build, finds the old build or the new one, and nothing in between.
 */
export async function bundleProgram(name: BundledProgram): Promise<void> {
  const source = join(root, 'packages', name, 'src')
  const dist = join(root, 'packages', name, 'dist')
  if (isUpToDate(join(dist, ENTRY), root, sourcesOf(name))) return
  const begun = new Date()
  await mkdir(dist, { recursive: true })
  const building = await mkdtemp(join(dist, BUILDING))
  try {
    const scripts = await copyScripts(source, building)
    await using bundle = await rolldown({
      input: ['main.ts', ...PROGRAMS[name]].map((file) => join(source, file)),
      platform: 'node',
      // It finds its machine code beside its own files.
      external: ['bcrypt'],
      resolve: { conditionNames: ['source', 'node'] },
      plugins: scripts === null ? [] : [namesScripts(source, scripts)],
    })
    const { output } = await bundle.write({
      dir: building,
      entryFileNames: ({ name: entry }) => (entry === 'main' ? ENTRY : '[name]-[hash].js'),
      chunkFileNames: '[name]-[hash].js',
    })
    const names = [...output.map(({ fileName }) => fileName), ...(scripts === null ? [] : [scripts])]
    for (const one of names.filter((file) => file !== ENTRY)) await moveOver(join(building, one), join(dist, one))
    // Sources that have changed since the beginning are newer than it.
    await utimes(join(building, ENTRY), begun, begun)
    await rename(join(building, ENTRY), join(dist, ENTRY))
    await removeEarlier(dist, names)
  } finally {
    await rm(building, { recursive: true, force: true })
  }
}

/** What a program is made of; a new version of a library comes with the lock file. */
const sourcesOf = (name: BundledProgram): readonly string[] => [
  `packages/{${name},analytics-record}/src/**/*`,
  `packages/{${name},analytics-record}/package.json`,
  'pnpm-lock.yaml',
  'scripts/jobs/bundle-program.ts',
]

const namesScripts = (source: string, folder: string): Plugin => ({
  name: 'scripts-of-this-build',
  transform: (code, id) => (id.startsWith(source) ? code.replaceAll(SCRIPTS, `./${folder}/`) : null),
})

/** Copies the Lua scripts, wherever in the program they are, to one folder, and returns its name; null if there are none. */
async function copyScripts(source: string, building: string): Promise<string | null> {
  const files = globSync('**/scripts/*.lua', { cwd: source }).toSorted()
  if (files.length === 0) return null
  const byName = Map.groupBy(files, (file) => basename(file))
  const several = [...byName.values()].find(({ length }) => length > 1)
  if (several !== undefined) throw new Error(`scripts of one program need different names: ${several.join(', ')}`)
  const hash = createHash('sha256')
  for (const file of files) hash.update(`${basename(file)}\0`).update(readFileSync(join(source, file)))
  const folder = `scripts-${hash.digest('hex').slice(0, 8)}`
  await mkdir(join(building, folder))
  for (const [name, [file = '']] of byName) await copyFile(join(source, file), join(building, folder, name))
  return folder
}

/** What is there already under that name has the same content, as the name has its hash. */
async function moveOver(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

/** Leaves the build before: a program that runs may still load files of it. */
async function removeEarlier(dist: string, names: readonly string[]): Promise<void> {
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
