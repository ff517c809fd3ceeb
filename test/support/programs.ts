import { fileURLToPath } from 'node:url'
import { type Program, type ProgramOptions, startProgram } from './process.ts'

/**
 * Starts one of the two services the way its image does. The TypeScript sources run as they are; with TEK_USE_DIST=1
 * the built program runs instead.
 */
export function startService(name: 'gateway' | 'pump', args: readonly string[], options: ProgramOptions): Program {
  const entry = process.env['TEK_USE_DIST'] === '1' ? 'dist/main.js' : 'src/main.ts'
  const path = fileURLToPath(new URL(`../../packages/${name}/${entry}`, import.meta.url))
  const flags = entry.endsWith('.ts') ? ['--conditions=source'] : []
  return startProgram(process.execPath, [...flags, path, ...args], options)
}

/** The environment of this process without what would reconfigure a service under test. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(TYK|https?_proxy|no_proxy|NODE_OPTIONS)/i.test(name))
  return { ...Object.fromEntries(kept), ...extra }
}
