import { globSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root, runNode } from './lib.ts'
import { isUpToDate } from './up-to-date.ts'

const explorer = join(root, 'packages', 'explorer')
const served = join(explorer, 'dist', 'web')
const START = 'index.html'

/** What the page is made of: its own files, and those of the server that it shares. */
const SOURCES = ['web/**/*', 'build/*', 'src/fields.ts', 'src/query/*', 'vite.config.ts', 'package.json']

/** Builds the page of the explorer with Vite, unless nothing has changed since. Returns Vite's exit code. */
export async function buildPage(): Promise<number> {
  if (isUpToDate(join(served, START), explorer, SOURCES)) return 0
  const vite = join(explorer, 'node_modules', 'vite', 'bin', 'vite.js')
  const fresh = `${served}-${process.pid}`
  const options = ['--config', join(explorer, 'vite.config.ts'), '--outDir', fresh, '--emptyOutDir']
  try {
    const code = await runNode([vite, 'build', ...options, '--logLevel', 'warn'])
    if (code === 0) takeOver(fresh)
    return code
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/**
 * Moves a build to where it is served from, file by file and the page itself last. Several builds at a time, as of tests
 * that run beside each other, leave the page whole at every moment.
 */
function takeOver(fresh: string): void {
  const filesOf = (folder: string): string[] =>
    globSync('**/*', { cwd: folder }).filter((name) =>
      statSync(join(folder, name), { throwIfNoEntry: false })?.isFile(),
    )
  const files = filesOf(fresh)
  for (const name of files.toSorted((a, b) => Number(a === START) - Number(b === START))) {
    mkdirSync(dirname(join(served, name)), { recursive: true })
    renameSync(join(fresh, name), join(served, name))
  }
  for (const name of filesOf(served)) {
    if (!files.includes(name)) rmSync(join(served, name), { force: true })
  }
}
