import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../../test/support/redis.ts'
import { unlessOk } from '../probe.ts'
import { type Running, start, TEST_CORE, untilReady } from '../processes.ts'
import type { Stage } from '../stage.ts'

const main = fileURLToPath(new URL('../../../packages/pump/dist/main.js', import.meta.url))

export interface StartedPump {
  readonly process: Running
  readonly readyMs: number
}

let started = 0

export interface PumpSetup {
  /** Bulk requests in flight at once; the pump's default unless said otherwise. */
  readonly bulkWorkers?: number
}

/** Starts the built pump with the article's sink, and waits until its health check answers. */
export async function startPump(stage: Stage, sinkPort: number, { bulkWorkers }: PumpSetup = {}): Promise<StartedPump> {
  const port = await freePort()
  const home = join(stage.directory, `pump-${++started}`)
  await mkdir(home)
  const conf = {
    analytics_storage_type: 'redis',
    analytics_storage_config: { type: 'redis', host: '127.0.0.1', port: stage.redisPort },
    purge_delay: 1,
    health_check_endpoint_address: '127.0.0.1',
    health_check_endpoint_port: port,
    dont_purge_uptime_data: true,
    log_level: 'error',
    pumps: {
      elasticsearch: {
        type: 'elasticsearch',
        meta: {
          elasticsearch_url: `http://127.0.0.1:${sinkPort}`,
          index_name: 'tyk_analytics',
          version: '6',
          ...(bulkWorkers !== undefined && { bulk_config: { workers: bulkWorkers } }),
        },
      },
    },
  }
  await writeFile(join(home, 'pump.conf'), JSON.stringify(conf))
  const process = stage.keep(start([globalThis.process.execPath, main, `--conf=${home}/pump.conf`], TEST_CORE))
  const readyMs = await untilReady(process, () => unlessOk({ url: `http://127.0.0.1:${port}/health` }), 5)
  return { process, readyMs }
}
