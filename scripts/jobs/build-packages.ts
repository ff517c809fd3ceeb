import { globSync } from 'node:fs'
import { join } from 'node:path'
import { buildPage } from './build-page.ts'
import { bundledPrograms, bundleProgram } from './bundle-program.ts'
import { root, runTool } from './lib.ts'

/**
 * Compiles every package, or the ones named, to its `dist/`, and the page of the explorer; what is up to date is left alone.
 * Returns the exit code of what failed.
 */
export async function buildPackages(names: readonly string[] = []): Promise<number> {
  const all = globSync('packages/*/tsconfig.json', { cwd: root })
  const projects = names.length === 0 ? all : names.map((name) => join('packages', name, 'tsconfig.json'))
  const code = await runTool('tsc', ['-b', ...projects.toSorted()])
  const isWanted = (name: string): boolean => names.length === 0 || names.includes(name)
  if (code !== 0) return code
  for (const name of bundledPrograms.filter(isWanted)) await bundleProgram(name)
  return isWanted('explorer') ? buildPage() : code
}
