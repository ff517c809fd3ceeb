import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { emptyRecord, encodeRecord } from '@tek/analytics-record'
import { loadConfig } from '../../src/config/load.ts'
import { createLog } from '../../src/log/create-log.ts'
import { type Pump, createPump } from '../../src/pump.ts'
import type { SinkDefinition } from '../../src/sinks/types.ts'
import type { SpillFiles } from '../../src/spill/index.ts'
import type { PumpTimings } from '../../src/timings.ts'

export interface RunOptions {
  readonly redisPort: number
  readonly sinks: readonly SinkDefinition[]
  /** Options of a sink's entry, by type. */
  readonly entries?: Readonly<Record<string, object>>
  readonly conf?: object
  readonly timings?: Partial<PumpTimings>
  readonly spillFiles?: SpillFiles
}

export interface RunningPump extends AsyncDisposable {
  readonly pump: Pump
  /** Everything it logged, at any level. */
  readonly log: () => string
}

const QUICK: Partial<PumpTimings> = {
  firstBackoffMs: 10,
  mostBackoffMs: 50,
  heldRetryMs: 50,
  redisRetryMs: 20,
  ownerTtlMs: 900,
  recoverEveryMs: 100,
  scanEveryMs: 300,
  mostTakeMs: 20,
  stopMs: 3_000,
}

/** Runs a pump in this process, with short times and sinks of the test's own. Disposing it stops it in order. */
export async function runPump(options: RunOptions): Promise<RunningPump> {
  const dir = await mkdtemp(join(tmpdir(), 'tek-pump-test-'))
  const entries = options.sinks.map(({ type }) => [type, { type, ...options.entries?.[type] }] as const)
  const conf = {
    analytics_storage_config: { host: '127.0.0.1', port: options.redisPort },
    purge_delay: 1,
    dont_purge_uptime_data: true,
    pumps: Object.fromEntries(entries),
    ...options.conf,
  }
  const confPath = join(dir, 'pump.conf')
  await writeFile(confPath, JSON.stringify(conf))
  let lines = ''
  const log = createLog({ level: 'debug', format: 'text' }, (line) => {
    lines += line
  })
  const config = loadConfig({ confPath, env: {}, cwd: dir, definitions: options.sinks })
  const pump = await createPump({
    config,
    log,
    env: {},
    workingDirectory: dir,
    healthPort: 0,
    timings: { ...QUICK, ...options.timings },
    ...(options.spillFiles && { spillFiles: options.spillFiles }),
  })
  return {
    pump,
    log: () => lines,
    [Symbol.asyncDispose]: async () => {
      await pump.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Elements as a gateway pushes them: records that differ in path and time. */
export function elements(count: number, from = 0, fields: Partial<Record<'apiId' | 'orgId', string>> = {}): Buffer[] {
  return Array.from({ length: count }, (_, i) => {
    const timestamp = { seconds: 1_790_000_000, nanos: from + i }
    return Buffer.from(encodeRecord({ ...emptyRecord(), ...fields, path: pathOf(from + i), timestamp }))
  })
}

export function pathOf(index: number): string {
  return `/r${index}`
}

export function paths(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => pathOf(from + i))
}
