import { fileURLToPath } from 'node:url'
import { type Program, type ProgramOptions, startProgram } from './process.ts'

/** Compiled sources, so that the hundreds of starts of a test run do not strip the same types again. */
const compileCache = fileURLToPath(new URL('../../node_modules/.cache/tek-compile', import.meta.url))

/**
 * Starts one of the programs the way its image does. The TypeScript sources run as they are; with TEK_USE_DIST=1
 * the built program runs instead.
 */
export function startService(
  name: 'gateway' | 'pump' | 'explorer',
  args: readonly string[],
  options: ProgramOptions,
): Program {
  const entry = process.env['TEK_USE_DIST'] === '1' ? 'dist/main.js' : 'src/main.ts'
  const path = fileURLToPath(new URL(`../../packages/${name}/${entry}`, import.meta.url))
  if (!entry.endsWith('.ts')) return startProgram(process.execPath, [path, ...args], options)
  const env = { NODE_COMPILE_CACHE: compileCache, ...(options.env ?? process.env) }
  return startProgram(process.execPath, ['--conditions=source', path, ...args], { ...options, env })
}

/** The environment of this process without what would reconfigure a service under test. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(TYK|TEK_EXPLORER|https?_proxy|no_proxy|NODE_OPTIONS)/i.test(name),
  )
  return { ...Object.fromEntries(kept), ...extra }
}
