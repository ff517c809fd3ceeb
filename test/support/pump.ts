import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import type { Program } from './process.ts'
import { cleanEnvironment, startService } from './programs.ts'
import { freePort } from './redis.ts'

export interface PumpOptions {
  readonly redisPort: number
  /** The `pumps` object of pump.conf. */
  readonly pumps: Readonly<Record<string, unknown>>
  /** Merged over the test configuration, one level deep. */
  readonly conf?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, string>>
  /** Resolve without waiting for the health port, for tests of a start that fails. */
  readonly unchecked?: boolean
}

export interface Pump extends AsyncDisposable {
  readonly healthUrl: string
  readonly dir: string
  readonly program: Program
  stop(): Promise<void>
}

/** Starts the real pump program with a configuration of its own. Disposing it ends the process. */
export async function startPump(options: PumpOptions): Promise<Pump> {
  const dir = await mkdtemp(join(tmpdir(), 'tek-pump-'))
  const port = await freePort()
  const confPath = join(dir, 'pump.conf')
  const conf = {
    analytics_storage_type: 'redis',
    analytics_storage_config: { type: 'redis', host: '127.0.0.1', port: options.redisPort },
    purge_delay: 1,
    health_check_endpoint_port: port,
    dont_purge_uptime_data: true,
    pumps: options.pumps,
    ...options.conf,
  }
  await writeFile(confPath, JSON.stringify(conf, null, 2))
  const program = startService('pump', ['--conf', confPath], { cwd: dir, env: cleanEnvironment(options.env) })
  const healthUrl = `http://127.0.0.1:${port}`
  const stop = async (): Promise<void> => {
    await program.stop()
    await rm(dir, { recursive: true, force: true })
  }
  if (!options.unchecked) await untilHealthy(program, `${healthUrl}/health`, stop)
  return { healthUrl, dir, program, stop, [Symbol.asyncDispose]: stop }
}

async function untilHealthy(program: Program, url: string, stop: () => Promise<void>): Promise<void> {
  const answered = eventually(async () => (await fetch(url)).body?.cancel(), 20_000)
  const ended = program.exited().then((code) => {
    throw new Error(`the pump ended (${code}) at start:\n${program.output()}`)
  })
  try {
    await Promise.race([answered, ended])
  } catch (error) {
    await stop()
    throw error
  }
}
