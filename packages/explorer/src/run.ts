/** The program behind main.ts: arguments, configuration, signals. What it returns is the exit code. */
import { keepStringMethodsFast } from '@tek/analytics-record'
import { parseCommand } from './config/arguments.ts'
import { loadConfig } from './config/load.ts'
import { ConfigError, ListenError } from './errors.ts'
import { createLog, type Log } from './log.ts'
import { startServer } from './server.ts'
import { openStore } from './store/open.ts'
import { version } from './version.ts'

/** Lasts until a signal ends it. */
export async function run(args: readonly string[]): Promise<number> {
  keepStringMethodsFast()
  const command = parseCommand(args, version)
  switch (command.kind) {
    case 'print':
      process.stdout.write(command.text)
      return 0
    case 'refuse':
      process.stderr.write(`tek-explorer: ${command.message}\n`)
      return 1
    case 'run':
      return serve(command.confPath)
  }
}

async function serve(confPath: string | null): Promise<number> {
  let log: Log = createLog('info', process.stderr)
  try {
    const config = loadConfig({ confPath, env: process.env, cwd: process.cwd() })
    log = createLog(config.log_level, process.stderr)
    if (config.unknown.length > 0) log.warn({ names: config.unknown }, 'options that mean nothing are ignored')
    const stopped = untilSignal()
    const store = await openStore(config)
    const server = await startServer({ config, store, log })
    const host = config.listen_address.includes(':') ? `[${config.listen_address}]` : config.listen_address
    process.stdout.write(`explorer listens on http://${host}:${server.port}, reads ${store.kind} ${store.target}\n`)
    await stopped
    // Nothing is written here, so whoever is being answered needs not be waited for.
    await Promise.race([server.close(), new Promise((resolve) => setTimeout(resolve, 1000))])
    return 0
  } catch (error) {
    if (error instanceof ConfigError || error instanceof ListenError) process.stderr.write(`${error.message}\n`)
    else log.fatal({ err: error, stack: error instanceof Error ? error.stack : undefined }, 'the explorer ended')
    return 1
  }
}

function untilSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  process.once('SIGINT', () => resolve())
  process.once('SIGTERM', () => resolve())
  return promise
}
