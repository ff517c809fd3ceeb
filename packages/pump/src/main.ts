#!/usr/bin/env node
/** The program: arguments, signals, exit codes. The only file that ends the process. */
import { parseCommand } from './config/arguments.ts'
import { type PumpConfig, loadConfig } from './config/load.ts'
import { ConfigError, HealthPortError } from './errors.ts'
import { createLog, logSettings } from './log/create-log.ts'
import type { Log } from './log/log.ts'
import { createPump } from './pump.ts'
import { version } from './version.ts'

const env = process.env
const toStderr = (line: string): void => void process.stderr.write(line)

const command = parseCommand(process.argv.slice(2), env, version)
switch (command.kind) {
  case 'print':
    process.stdout.write(command.text)
    break
  case 'refuse':
    toStderr(`tyk-pump: ${command.message}\n`)
    process.exitCode = 1
    break
  case 'run':
    await run(command.confPath, command.debug)
}

async function run(confPath: string, debug: boolean): Promise<void> {
  let log = makeLog({ log_level: '', log_format: '' }, debug)
  try {
    const config = loadConfig({ confPath, env, cwd: process.cwd() })
    log = makeLog(config.core, debug)
    await runPump(config, log)
  } catch (error) {
    endBecauseOf(error, log)
  }
}

async function runPump(config: PumpConfig, log: Log): Promise<void> {
  log.info(`## Tyk Pump, ${version} ##`)
  for (const { level, message } of config.notices) log[level](message)
  const stopped = Promise.withResolvers<void>()
  let signals = 0
  const onSignal = (): void => {
    signals += 1
    if (signals > 1) process.exit(1)
    stopped.resolve()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  const pump = await createPump({ config, log, env, workingDirectory: process.cwd() })
  await stopped.promise
  await pump.close()
  process.exit(0)
}

function makeLog(config: { readonly log_level: string; readonly log_format: string }, debug: boolean): Log {
  return createLog(logSettings(config, env, debug, process.stderr.isTTY), toStderr)
}

function endBecauseOf(error: unknown, log: Log): never {
  if (error instanceof ConfigError && error.message.includes('\n') && (env['TYK_LOGFORMAT'] ?? '') !== 'json') {
    // A list of problems is for a person: one line each rather than one field of a log line.
    toStderr(`${error.message}\n`)
  } else if (error instanceof ConfigError || error instanceof HealthPortError) log.fatal(error.message)
  else log.fatal({ err: error, stack: error instanceof Error ? error.stack : undefined }, 'the pump ended')
  process.exit(1)
}
