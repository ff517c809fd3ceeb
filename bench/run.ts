/** `npm run bench`: runs the scenarios and writes what they found to results/; see README.md. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { chartSvg } from './lib/chart/chart.ts'
import { currentConditions } from './lib/conditions.ts'
import { type BenchOptions, readOptions } from './lib/options.ts'
import { isInstalled, LOAD_CORE, pin } from './lib/processes.ts'
import { readResults, resultText, writeResult } from './lib/results.ts'
import { type Scenario, SkippedError } from './lib/scenario.ts'
import { summaryText } from './lib/summary.ts'
import { SCENARIOS } from './scenarios/index.ts'

const NEEDED = ['wrk', 'nginx']

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args)
  const unknown = options.only.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name))
  const chosen = SCENARIOS.filter(({ name }) => options.only.length === 0 || options.only.includes(name))
  if (unknown.length > 0)
    throw new Error(`no scenario ${unknown.join(', ')}; there are:\n${listText(SCENARIOS, options)}`)
  if (options.list) {
    console.log(listText(chosen, options))
    return 0
  }
  const missing = NEEDED.filter((name) => !isInstalled(name))
  if (missing.length > 0) throw new Error(`${missing.join(' and ')} is missing: apt-get install ${missing.join(' ')}`)
  if (!isInstalled('haproxy')) console.log('haproxy is not installed: its column is left out (apt-get install haproxy)')
  pin(process.pid, LOAD_CORE)
  return runAll(chosen, options)
}

/** Each scenario is written when it ends; one that fails does not keep the others from running. */
async function runAll(scenarios: readonly Scenario[], options: BenchOptions): Promise<number> {
  const folder = join(import.meta.dirname, options.quick ? '../.data/bench' : 'results')
  const conditions = currentConditions(options)
  const problems: string[] = []
  let failed = 0
  const minutes = Math.ceil(secondsOf(scenarios, options) / 60)
  console.log(`about ${minutes} min; results go to ${folder}`)
  for (const scenario of scenarios) {
    const { name, title } = scenario
    try {
      const result = { name, title, conditions, ...(await scenario.run(options)) }
      await writeResult(folder, result)
      console.log(`\n${resultText(result)}`)
    } catch (error) {
      const skipped = error instanceof SkippedError
      if (!skipped) failed++
      problems.push(
        `${title}: ${skipped ? 'skipped' : 'failed'}, ${error instanceof Error ? error.message : String(error)}`,
      )
      console.error(`\n${problems.at(-1)}`)
      if (!skipped) console.error(error)
    }
  }
  await writeSummary(folder, problems)
  return failed === 0 ? 0 : 1
}

async function writeSummary(folder: string, problems: readonly string[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  const names = SCENARIOS.map(({ name }) => name)
  const results = await readResults(folder, names)
  const text = summaryText(results, problems)
  await writeFile(join(folder, 'summary.md'), `${text}\n`)
  await writeFile(join(folder, 'summary.svg'), chartSvg(results))
  console.log(`\n${text}`)
}

const secondsOf = (scenarios: readonly Scenario[], options: BenchOptions): number =>
  Math.round(scenarios.reduce((sum, scenario) => sum + scenario.seconds(options), 0))

const listText = (scenarios: readonly Scenario[], options: BenchOptions): string =>
  scenarios
    .map((one) => `  ${one.name.padEnd(21)} ${one.title} (${Math.round(one.seconds(options))} s)`)
    .concat(`  ${'in all'.padEnd(21)} ${secondsOf(scenarios, options)} s`)
    .join('\n')

// What was started is ended when this process exits, and a signal alone would not let it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
