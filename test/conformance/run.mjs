#!/usr/bin/env node
/**
 * Replays both corpora of recorded answers against the built programs and prints passed/total per area.
 *
 * Areas of required.json must pass but for the differences listed in known-*.txt; every other area is only reported.
 * Runs with Node.js 20 or newer; `npm run conformance` builds first.
 */
import { spawn } from 'node:child_process'
import { createWriteStream, existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { areasOf, parseKnown, readGatewayReport, readPumpReport, table } from './summary.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = join(here, '..', '..')
const outDir = join(root, '.data', 'conformance')

const USAGE = `usage: npm run conformance -- [options]

  --corpus gateway|pump   only one of the two
  --only GLOB             only these vectors, e.g. 'jwt/*'
  --jobs N                vectors side by side (2)
  --lane NAME             the gateway takes this way to upstreams (upstream_transport), e.g. http-proxy
  --redis-port N          first Redis port for the pump's vectors (7801)
  --postgres STRING       libpq keyword string, for the pump's area sql (else TEK_POSTGRES; without it they are skipped)
  --verbose               show what the runners print; otherwise it is only in .data/conformance/
`

const { values: options } = parseArgs({
  options: {
    corpus: { type: 'string' },
    only: { type: 'string' },
    jobs: { type: 'string', default: '2' },
    lane: { type: 'string' },
    'redis-port': { type: 'string', default: '7801' },
    postgres: { type: 'string', default: process.env.TEK_POSTGRES },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (options.help || ![undefined, 'gateway', 'pump'].includes(options.corpus)) {
  console.log(USAGE)
  process.exit(options.help ? 0 : 2)
}

const children = new Set()
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const child of children) child.kill('SIGTERM')
    process.exitCode = 130
  })
}
process.exitCode = await main()

async function main() {
  await mkdir(outDir, { recursive: true })
  const required = JSON.parse(await readFile(join(here, 'required.json'), 'utf8'))
  const names = options.corpus ? [options.corpus] : ['gateway', 'pump']
  let failed = 0
  let passed = 0
  for (const name of names) {
    const results = await runCorpus(name)
    const known = parseKnown(await readFile(join(here, `known-${name}.txt`), 'utf8'))
    const areas = areasOf(results, known, required[name])
    console.log(`\n${name}: what the recorded program answered, area by area\n`)
    console.log(table(areas))
    for (const area of areas) {
      passed += area.passed
      if (area.required) failed += area.failed.length
      for (const failure of area.required ? area.failed : [])
        console.log(`  FAILED ${failure.name} ${failure.reason.slice(0, 220)}`)
      for (const surprise of area.surprises) console.log(`  listed in known-${name}.txt, but passes now: ${surprise}`)
    }
    if (results.length === 0) failed++
  }
  console.log(
    `\nconformance: ${passed} vectors passed, ${failed} failed in required areas (details: .data/conformance/)`,
  )
  return failed === 0 ? 0 : 1
}

/** Runs one corpus with its runner and returns its results in one form. */
async function runCorpus(name) {
  const program = join(root, 'packages', name, 'dist', 'main.js')
  if (!existsSync(program)) throw new Error(`${program} is missing: run npm run build`)
  const report = join(outDir, `${name}.json`)
  // The runner keeps the variables of its caller from the gateway.
  const lane = name === 'gateway' && options.lane ? `env TYK_GW_UPSTREAMTRANSPORT=${options.lane} ` : ''
  const args = [
    join(here, name, 'run.mjs'),
    `--${name}`,
    `${lane}${process.execPath} ${program} --conf={conf}`,
    '--vectors',
    join(here, name, 'vectors'),
    '--jobs',
    options.jobs,
    '--report',
    report,
    ...(options.only ? ['--only', options.only] : []),
    ...(name === 'pump' ? ['--redis-port', options['redis-port']] : []),
    ...(name === 'pump' && options.postgres ? ['--postgres', options.postgres] : []),
  ]
  console.log(`Replaying the ${name}'s vectors…`)
  const code = await runRunner(args, join(outDir, `${name}.log`))
  if (code > 1) throw new Error(`the ${name}'s runner ended with ${code}; see ${join(outDir, `${name}.log`)}`)
  const found = JSON.parse(await readFile(report, 'utf8'))
  return name === 'gateway' ? readGatewayReport(found) : readPumpReport(found)
}

function runRunner(args, logFile) {
  const log = createWriteStream(logFile)
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  for (const stream of [child.stdout, child.stderr]) {
    stream.pipe(log, { end: false })
    if (options.verbose) stream.pipe(process.stdout, { end: false })
  }
  return new Promise((resolve) => {
    child.once('error', () => resolve(127))
    child.once('close', (code) => {
      children.delete(child)
      log.end()
      resolve(code ?? 1)
    })
  })
}
