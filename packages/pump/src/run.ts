/** The program behind main.ts: arguments, commands, signals. What it returns is the exit code. */
import { keepStringMethodsFast } from '@tek/analytics-record'
import type { CommandDeps } from './commands/session.ts'
import {
  type CheckCommand,
  type DeadLettersCommand,
  type LeasesCommand,
  type LedgerCommand,
  parseCommand,
} from './config/arguments.ts'
import { type PumpConfig, loadConfig } from './config/load.ts'
import { ConfigError, HealthPortError } from './errors.ts'
import { unfinishedCalls } from './leave.ts'
import { createLog, logSettings } from './log/create-log.ts'
import type { Log } from './log/log.ts'
import { createPump } from './pump.ts'
import { version } from './version.ts'

const env = process.env
const toStderr = (line: string): void => void process.stderr.write(line)

/** Obeys a command line; without a command it lasts until a signal ends it. */
export async function run(args: readonly string[]): Promise<number> {
  keepStringMethodsFast()
  // A reader that has enough, as `head` has, must not end a command before it has tidied up.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
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
    default:
      return runCommand(command)
  }
}

/** What ends by itself. Loaded when it is asked for: the pump needs none of it. */
async function runCommand(command: LeasesCommand | DeadLettersCommand | CheckCommand | LedgerCommand): Promise<number> {
  switch (command.kind) {
    case 'check': {
      const { runCheck } = await import('./commands/check/index.ts')
      return runCheck(command, { env, ...output(), output: process.stderr })
    }
    case 'dead-letters': {
      const { runDeadLetters } = await import('./commands/dead-letters/index.ts')
      return configured(command, (config, log) => runDeadLetters(command, commandDeps(config, log)))
    }
    case 'ledger': {
      const { runLedger } = await import('./commands/ledger/index.ts')
      return configured(command, (config, log) => runLedger(command, commandDeps(config, log)))
    }
    case 'leases': {
      const { runLeases } = await import('./commands/leases.ts')
      return configured(command, (config, log) => runLeases(command, commandDeps(config, log)))
    }
  }
}

async function configured(
  {
    confPath,
    confMustExist = false,
    debug,
  }: { readonly confPath: string; readonly confMustExist?: boolean; readonly debug: boolean },
  job: (config: PumpConfig, log: Log) => Promise<number>,
): Promise<number> {
  let log = makeLog({ log_level: '', log_format: '' }, debug)
  try {
    const config = loadConfig({ confPath, confMustExist, env, cwd: process.cwd() })
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
  const calls = await unfinishedCalls()
  if (calls.length > 0)
    log.error({ calls: calls.join(', ') }, 'a disk or name server does not answer, and is not waited for')
  return 0
}

function commandDeps(config: PumpConfig, log: Log): CommandDeps {
  for (const { level, message, fields } of config.notices) if (level === 'error') log.error(fields ?? {}, message)
  return { config, log, ...output() }
}

function output(): Pick<CommandDeps, 'print' | 'progress' | 'workingDirectory'> {
  return {
    print: (text) => void process.stdout.write(text),
    progress: { write: toStderr, isTerminal: process.stderr.isTTY },
    workingDirectory: process.cwd(),
  }
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
