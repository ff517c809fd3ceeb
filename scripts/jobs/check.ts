/**
 * `npm run check`: everything CI asks for except the slow tests. All steps run; the exit code is 1 if any failed.
 * `--no-tests` leaves out the unit tests, for whoever has run `npm test`.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { root, runNode, runTool } from './lib.ts'

interface Step {
  readonly name: string
  readonly run: () => Promise<number>
}

const { values: options } = parseArgs({ options: { 'no-tests': { type: 'boolean', default: false } } })

const docsReference = join(root, 'scripts', 'docs-reference.ts')
const kibanaObjects = join(root, 'scripts', 'jobs', 'kibana.ts')
const pageTypes = join(root, 'packages', 'explorer', 'build', 'api-types.ts')

/** Those that lie beside their source; what needs a server or a network is in `npm test`. */
const unitTests = [
  'run',
  '--silent=passed-only',
  '--exclude=packages/*/test/**',
  '--exclude=test/e2e/**',
  'packages/',
  'test/architecture',
]

const steps: readonly Step[] = [
  { name: 'format', run: () => runTool('prettier', ['--check', '--log-level', 'warn', '.']) },
  { name: 'lint', run: () => runTool('oxlint', ['--type-aware', '--deny-warnings']) },
  { name: 'types', run: () => runTool('tsc', ['--noEmit', '-p', 'tsconfig.json']) },
  { name: 'types of the page', run: () => runTool('tsc', ['--noEmit', '-p', 'packages/explorer/web']) },
  { name: 'unused code', run: () => runTool('knip', ['--no-config-hints']) },
  ...(existsSync(docsReference)
    ? [{ name: 'generated docs', run: () => runNode(['--conditions=source', docsReference, '--check']) }]
    : []),
  { name: "the page's types of the API", run: () => runNode(['--conditions=source', pageTypes, '--check']) },
  { name: 'Kibana objects', run: () => runNode([kibanaObjects, '--check']) },
  ...(options['no-tests'] ? [] : [{ name: 'unit tests', run: () => runTool('vitest', unitTests) }]),
]

const failed: string[] = []
for (const { name, run } of steps) {
  const from = performance.now()
  const code = await run()
  const seconds = ((performance.now() - from) / 1000).toFixed(1)
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
  if (code !== 0) failed.push(name)
}
console.log(failed.length === 0 ? 'check: all steps passed' : `check: failed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
