import { globSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { buildPage } from './build-page.ts'
import { bundleGateway } from './bundle-gateway.ts'
import { root, runTool } from './lib.ts'

/** What the compiler does not copy: Lua scripts, templates, pages. The gateway has none. */
const ASSETS = 'packages/{analytics-record,pump,explorer}/src/**/*.{lua,json,html,css,svg,txt,xml}'

/**
 * Compiles every package, or the ones named, to its `dist/`, and the page of the explorer; what is up to date is left alone.
 * Returns the exit code of what failed.
 */
export async function buildPackages(names: readonly string[] = []): Promise<number> {
  const all = globSync('packages/*/tsconfig.json', { cwd: root })
  const projects = names.length === 0 ? all : names.map((name) => join('packages', name, 'tsconfig.json'))
  const code = await runTool('tsc', ['-b', ...projects.toSorted()])
  for (const asset of globSync(ASSETS, { cwd: root })) {
    const target = asset.replace(/^(packages[\\/][^\\/]+[\\/])src/, '$1dist')
    await cp(join(root, asset), join(root, target), { preserveTimestamps: true })
  }
  const isWanted = (name: string): boolean => names.length === 0 || names.includes(name)
  if (code === 0 && isWanted('gateway')) await bundleGateway()
  return code === 0 && isWanted('explorer') ? buildPage() : code
}
