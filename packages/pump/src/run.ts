/** The program behind main.ts: arguments, commands, signals. What it returns is the exit code. */
import { type LeasesCommand, parseCommand } from './config/arguments.ts'
import { type PumpConfig, loadConfig } from './config/load.ts'
import { ConfigError, HealthPortError } from './errors.ts'
import { createLog, logSettings } from './log/create-log.ts'
import { runLeases } from './leases-command.ts'
import type { Log } from './log/log.ts'
import { createPump } from './pump.ts'
import { version } from './version.ts'

const env = process.env
const toStderr = (line: string): void => void process.stderr.write(line)

/** Obeys a command line; without a command it lasts until a signal ends it. */
export async function run(args: readonly string[]): Promise<number> {
  const command = parseCommand(args, env, version)
  switch (command.kind) {
    case 'print':
      process.stdout.write(command.text)
      return 0
    case 'refuse':
      toStderr(`tyk-pump: ${command.message}\n`)
      return 1
    case 'run':
      return configured(command, runPump)
    case 'leases':
      return configured(command, (config, log) => showLeases(command, config, log))
  }
}

async function configured(
  { confPath, debug }: { readonly confPath: string; readonly debug: boolean },
  job: (config: PumpConfig, log: Log) => Promise<number>,
): Promise<number> {
  let log = makeLog({ log_level: '', log_format: '' }, debug)
  try {
    const config = loadConfig({ confPath, env, cwd: process.cwd() })
    log = makeLog(config.core, debug)
    return await job(config, log)
  } catch (error) {
    tellWhy(error, log)
    return 1
  }
}

async function runPump(config: PumpConfig, log: Log): Promise<number> {
  log.info(`## Tyk Pump, ${version} ##`)
  for (const { level, message, fields } of config.notices) log[level](fields ?? {}, message)
  const stopped = Promise.withResolvers<void>()
  const cutShort = Promise.withResolvers<number>()
  let signals = 0
  const onSignal = (): void => {
    signals += 1
    if (signals > 1) cutShort.resolve(1)
    stopped.resolve()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return Promise.race([cutShort.promise, untilStopped(config, log, stopped.promise)])
}

async function untilStopped(config: PumpConfig, log: Log, stopped: Promise<void>): Promise<number> {
  const pump = await createPump({ config, log, env, workingDirectory: process.cwd() })
  await stopped
  await pump.close()
  return 0
}

async function showLeases(leases: LeasesCommand, config: PumpConfig, log: Log): Promise<number> {
  for (const { level, message, fields } of config.notices) if (level === 'error') log.error(fields ?? {}, message)
  return runLeases(leases, config, log, (text) => void process.stdout.write(text))
}

function makeLog(config: { readonly log_level: string; readonly log_format: string }, debug: boolean): Log {
  return createLog(logSettings(config, env, debug, process.stderr.isTTY), toStderr)
}

function tellWhy(error: unknown, log: Log): void {
  if (error instanceof ConfigError && error.message.includes('\n') && (env['TYK_LOGFORMAT'] ?? '') !== 'json') {
    // A list of problems is for a person: one line each rather than one field of a log line.
    toStderr(`${error.message}\n`)
  } else if (error instanceof ConfigError || error instanceof HealthPortError) log.fatal(error.message)
  else log.fatal({ err: error, stack: error instanceof Error ? error.stack : undefined }, 'the pump ended')
}
