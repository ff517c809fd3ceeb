import { join } from 'node:path'
import { root, runNode } from './lib.ts'
import { isUpToDate } from './up-to-date.ts'

const explorer = join(root, 'packages', 'explorer')
const built = join(explorer, 'dist', 'web', 'index.html')

/** What the page is made of: its own files, and those of the server that it shares. */
const SOURCES = ['web/**/*', 'build/*', 'src/fields.ts', 'src/query/*', 'vite.config.ts', 'package.json']

/** Builds the page of the explorer with Vite, unless nothing has changed since. Returns Vite's exit code. */
export async function buildPage(): Promise<number> {
  if (isUpToDate(built, explorer, SOURCES)) return 0
  const vite = join(explorer, 'node_modules', 'vite', 'bin', 'vite.js')
  return runNode([vite, 'build', '--config', join(explorer, 'vite.config.ts'), '--logLevel', 'warn'])
}
