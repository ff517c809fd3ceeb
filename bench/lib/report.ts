import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { LoadResult } from './load.ts'
import { canPin } from './processes.ts'
import { median, ratioOf } from './statistics.ts'

/** Results of each program, one per round. */
export type Measured = Readonly<Record<string, readonly LoadResult[]>>

interface Conditions {
  readonly rounds: number
  readonly seconds: number
  readonly connections: number
}

/** Prints the medians and the ratios and stores them as Markdown. */
export function printReport(title: string, measured: Measured, ours: string, conditions: Conditions): void {
  const text = [
    `# ${title}`,
    '',
    `${conditions.rounds} rounds of ${conditions.seconds} s in turn, ${conditions.connections} connections, ` +
      `${canPin ? 'one core for the program, one for load and upstream' : 'cores not pinned'}; ` +
      `Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}. ` +
      'Absolute figures are worth little on a shared machine: read the ratios.',
    '',
    '| program | requests/s | p50 ms | p99 ms | CPU µs/request | RSS MB | errors |',
    '|---|---|---|---|---|---|---|',
    ...Object.entries(measured).map(([name, results]) => rowOf(name, results)),
    '',
    `| ${ours} against | throughput, median of rounds | lowest | highest |`,
    '|---|---|---|---|',
    ...Object.entries(measured)
      .filter(([name]) => name !== ours)
      .map(([name, results]) => ratioRow(name, measured[ours] ?? [], results)),
    '',
  ].join('\n')
  console.log(text)
  const directory = fileURLToPath(new URL('../results/', import.meta.url))
  mkdirSync(directory, { recursive: true })
  writeFileSync(`${directory}${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.md`, text)
}

function rowOf(name: string, results: readonly LoadResult[]): string {
  const of = (pick: (result: LoadResult) => number, digits: number): string => median(results.map(pick)).toFixed(digits)
  const errors = results.reduce((sum, result) => sum + result.errors, 0)
  return `| ${name} | ${of((r) => r.perSecond, 0)} | ${of((r) => r.p50Ms, 2)} | ${of((r) => r.p99Ms, 2)} | ${of((r) => r.cpuMicros, 1)} | ${of((r) => r.rssMb, 0)} | ${errors} |`
}

function ratioRow(name: string, ours: readonly LoadResult[], peer: readonly LoadResult[]): string {
  const ratio = ratioOf(
    ours.map((result) => result.perSecond),
    peer.map((result) => result.perSecond),
  )
  return `| ${name} | ${ratio.median.toFixed(2)} | ${ratio.min.toFixed(2)} | ${ratio.max.toFixed(2)} |`
}
