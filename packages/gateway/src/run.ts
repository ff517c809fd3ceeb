/** The program behind main.ts: arguments, commands, signals. What it returns is the exit code. */
import { availableParallelism } from 'node:os'
import { keepStringMethodsFast } from '@tek/analytics-record'
import { helpText, parseArgs, type CliOptions } from './cli.ts'
import { checkup } from './config/checkup.ts'
import { ConfigError } from './config/config-error.ts'
import { loadConfig, type LoadedConfig } from './config/load.ts'
import type { GatewayConfig } from './config/schema.ts'
import { fetchStoredValues } from './config/stored-references.ts'
import type { Gateway } from './gateway.ts'
import { lint } from './lint.ts'
import type { Log } from './log/log.ts'
import { createLogger } from './log/logger.ts'
import { logSettings, type LogSettings } from './log/settings.ts'
import { removePidFile, writePidFile } from './pid-file.ts'
import { VERSION } from './version.ts'
import { isWorker } from './workers/command.ts'
import { workerCount } from './workers/count.ts'

/** Runs a command; `start` lasts until a signal ends it. */
export async function run(argv: readonly string[]): Promise<number> {
  keepStringMethodsFast()
  if (isWorker(argv)) return (await import('./workers/worker.ts')).runWorker()
  const args = parseArgs(argv)
  if (args.kind === 'error') {
    console.error(args.message)
    return 1
  }
  try {
    return await obey(args)
  } catch (err) {
    console.error(err instanceof ConfigError ? err.message : err)
    return 1
  }
}

async function obey(args: CliOptions): Promise<number> {
  switch (args.command) {
    case 'help':
      console.log(helpText)
      return 0
    case 'version-line':
      console.error(VERSION)
      return 0
    case 'version':
      printVersion(args.json)
      return 0
    case 'lint': {
      const { exitCode, lines } = await lint({ args, env: process.env, cwd: process.cwd() })
      console.log(lines.join('\n'))
      return exitCode
    }
    case 'start':
      return start(args)
  }
}

async function start(args: CliOptions): Promise<number> {
  const options = { args, env: process.env, cwd: process.cwd() }
  const loaded = await fetchStoredValues(loadConfig(options), options)
  const { config } = loaded
  const settings = logSettings(config, process.env, args.debug)
  const log = createLogger(settings)
  const main = log.child({ prefix: 'main' })
  main.info(`Tyk API Gateway ${VERSION}`)
  announce(loaded, args, main)
  const gateway = await create(config, log, settings)
  const stopped = closeOnSignal(gateway, main)
  try {
    const endedEarly = await Promise.race([gateway.start(), stopped])
    if (endedEarly !== undefined) return endedEarly
  } catch (err) {
    const { code, port = config.listen_port } = err as NodeJS.ErrnoException & { readonly port?: number }
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw err
    main.fatal({ err }, listenProblem(code, config, port))
    return 1
  }
  // Only now: a second start on a busy port must not touch the file of the first.
  writePidFile(config.pid_file_location, main)
  const exitCode = await Promise.race([stopped, failed(gateway, main)])
  removePidFile(config.pid_file_location)
  return exitCode
}

/** One process is the gateway itself: nothing stands in front of it. */
async function create(config: GatewayConfig, log: Log, settings: LogSettings): Promise<Gateway> {
  const count = workerCount(config.workers, availableParallelism())
  if (count > 1) return (await import('./workers/index.ts')).createWorkers({ config, log, settings, count })
  return (await import('./gateway.ts')).createGateway({ config, log, env: process.env })
}

/** Resolves with the exit code when the gateway cannot go on. */
async function failed(gateway: Gateway, main: Log): Promise<number> {
  try {
    return await (gateway.failed ?? new Promise<never>(() => {}))
  } catch (err) {
    main.fatal({ err }, 'The gateway cannot go on')
    return 1
  }
}

function listenProblem(code: string, config: GatewayConfig, port: number): string {
  const where = `${config.listen_address}:${port}`
  const isControl = port === config.control_api_port
  const key = isControl ? 'control_api_port' : 'listen_port'
  const variable = isControl ? 'TYK_GW_CONTROLAPIPORT' : 'TYK_GW_LISTENPORT'
  if (code === 'EACCES') return `Can't start listener: no permission for ${where}, choose a ${key} above 1023`
  return `Can't start listener: ${where} is in use, stop the other program or set ${key} (${variable})`
}

function announce(loaded: LoadedConfig, args: CliOptions, main: Log): void {
  for (const warning of [...args.warnings, ...loaded.warnings]) main.warn(warning)
  for (const note of loaded.notes) main.info(note)
  for (const { prefix, message } of checkup(loaded.config, availableParallelism())) main.warn({ prefix }, message)
  if (loaded.pendingSet.length > 0) {
    main.warn({ keys: loaded.pendingSet.join(', ') }, 'Configuration accepted, not in force yet')
  }
}

/** Resolves with the exit code once a signal has come and the gateway is closed. */
function closeOnSignal(gateway: Gateway, main: Log): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  let stopping = false
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
    process.on(signal, () => {
      if (stopping) return
      stopping = true
      main.info(`Shutdown signal received: ${signal}. Initiating graceful shutdown...`)
      main.info('Gracefully shutting down services...')
      gateway.close().then(
        () => {
          main.info('Terminating.')
          resolve(0)
        },
        (err: unknown) => {
          main.error({ err }, 'Shutdown failed')
          resolve(1)
        },
      )
    })
  }
  // Without effect here; their default would end the process or start a debugger.
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => {})
  return promise
}

function printVersion(json: boolean): void {
  const build = { Version: VERSION, Node: process.version, Platform: process.platform, Arch: process.arch }
  if (json) console.log(JSON.stringify(build))
  else
    console.log(
      `Release version: ${VERSION}\nNode version: ${process.version}\nOS/Arch: ${process.platform}/${process.arch}`,
    )
}
