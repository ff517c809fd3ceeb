/** `leases list` and `leases release`: what a person does about records that wait for sinks no pump has. */
import { ANALYTICS_KEY_PREFIX, sourceLists } from '@tek/analytics-record'
import type { LeasesCommand } from './config/arguments.ts'
import type { PumpConfig } from './config/load.ts'
import { firstAttempt } from './connect.ts'
import { type Backlog, LeaseInspector, type SinkBacklog } from './lease/index.ts'
import type { Log } from './log/log.ts'
import { openRedis } from './redis/connection.ts'
import { buildTarget, keyPrefixOf } from './redis/options.ts'

const REDIS_MS = 10_000

/** Returns the exit code: 1 when Redis cannot be asked, or when something is left that was to be given up. */
export async function runLeases(
  { release }: LeasesCommand,
  { core, sinks }: PumpConfig,
  log: Log,
  print: (text: string) => void,
): Promise<number> {
  const redis = openRedis(buildTarget(core.analytics_storage_config))
  const sources = sourceLists(keyPrefixOf(core.analytics_storage_config, ANALYTICS_KEY_PREFIX))
  try {
    await firstAttempt(redis, AbortSignal.timeout(REDIS_MS))
    const inspector = new LeaseInspector(redis.client)
    if (release !== null) {
      const backlog = await inspector.drop(sources, release.sink, release.confirmed)
      return report(backlog, release.confirmed, log, print)
    }
    print(formatTable(await inspector.list(sources), new Set(sinks.map(({ name }) => name))))
    return 0
  } catch (error) {
    log.error(`Redis cannot be asked: ${redis.explain(error)}`)
    return 1
  } finally {
    redis.close()
  }
}

function report(
  { sink, held, waiting }: SinkBacklog,
  dropped: boolean,
  log: Log,
  print: (text: string) => void,
): number {
  if (waiting.leases > 0 && dropped) {
    log.error({ sink, ...waiting }, 'records of a released sink are dropped')
    print(`gave up ${counted(waiting)} of sink ${sink}\n`)
  } else if (waiting.leases > 0) {
    print(`would give up ${counted(waiting)} of sink ${sink}; repeat with --yes to do it\n`)
  } else if (held.leases === 0) print(`nothing waits for sink ${sink}\n`)
  if (held.leases === 0) return 0
  print(`left alone, in the hands of a running pump: ${counted(held)} of sink ${sink}\n`)
  return 1
}

function counted({ leases, records }: Backlog): string {
  return `${records} ${records === 1 ? 'record' : 'records'} in ${leases} ${leases === 1 ? 'lease' : 'leases'}`
}

/** Names can be longer than any heading. */
function formatTable(backlogs: readonly SinkBacklog[], configured: ReadonlySet<string>): string {
  if (backlogs.length === 0) return 'no leases: nothing waits for any sink\n'
  const heading = ['SINK', 'CONFIGURED', 'HELD LEASES', 'RECORDS', 'WAITING LEASES', 'RECORDS']
  const rows = backlogs.map(({ sink, held, waiting }) => [
    sink,
    configured.has(sink) ? 'yes' : 'no',
    `${held.leases}`,
    `${held.records}`,
    `${waiting.leases}`,
    `${waiting.records}`,
  ])
  const table = [heading, ...rows]
  const widths = heading.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  return table.map((row) => `${line(row).trimEnd()}\n`).join('')
}
