/** Arguments, signals, exit codes: the only file that may end the process. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { helpText, parseArgs, type CliOptions } from './cli.ts'
import { checkup } from './config/checkup.ts'
import { ConfigError } from './config/config-error.ts'
import { lintConfig } from './config/lint.ts'
import { loadConfig, type LoadedConfig } from './config/load.ts'
import { createGateway, type Gateway } from './gateway.ts'
import type { Log } from './log/log.ts'
import { createLogger } from './log/logger.ts'
import { logSettings } from './log/settings.ts'
import { VERSION } from './version.ts'

async function start(args: CliOptions): Promise<void> {
  const loaded = loadConfig({ args, env: process.env, cwd: process.cwd() })
  const { config } = loaded
  const log = createLogger(logSettings(config, process.env, args.debug))
  const main = log.child({ prefix: 'main' })
  main.info(`Tyk API Gateway ${VERSION}`)
  announce(loaded, args, main)
  writePidFile(config.pid_file_location, main)
  const gateway = await createGateway({ config, log, env: process.env })
  stopOnSignals(gateway, main)
  try {
    await gateway.start()
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw err
    main.fatal({ err }, listenProblem(code, config.listen_address, config.listen_port))
    process.exit(1)
  }
}

function listenProblem(code: string, address: string, port: number): string {
  const where = `${address}:${port}`
  if (code === 'EACCES') return `Can't start listener: no permission for ${where}, choose a listen_port above 1023`
  return `Can't start listener: ${where} is in use, stop the other program or set listen_port (TYK_GW_LISTENPORT)`
}

function announce(loaded: LoadedConfig, args: CliOptions, main: Log): void {
  for (const warning of [...args.warnings, ...loaded.warnings]) main.warn(warning)
  for (const note of loaded.notes) main.info(note)
  for (const { prefix, message } of checkup(loaded.config, availableParallelism())) main.warn({ prefix }, message)
  if (loaded.pendingSet.length > 0) {
    main.warn({ keys: loaded.pendingSet.join(', ') }, 'Configuration accepted, not in force yet')
  }
}

function writePidFile(file: string, main: Log): void {
  main.info(`PIDFile location set to: ${file}`)
  try {
    if (file === '') throw new Error('pid_file_location is not set')
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 })
    writeFileSync(file, String(process.pid), { mode: 0o600 })
  } catch (err) {
    main.warn(`Failed to write PIDFile: ${(err as Error).message}`)
  }
}

function stopOnSignals(gateway: Gateway, main: Log): void {
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
          process.exit(0)
        },
        (err: unknown) => {
          main.error({ err }, 'Shutdown failed')
          process.exit(1)
        },
      )
    })
  }
  // Without effect here; their default would end the process or start a debugger.
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => {})
}

function printVersion(json: boolean): void {
  const build = { Version: VERSION, Node: process.version, Platform: process.platform, Arch: process.arch }
  if (json) console.log(JSON.stringify(build))
  else
    console.log(
      `Release version: ${VERSION}\nNode version: ${process.version}\nOS/Arch: ${process.platform}/${process.arch}`,
    )
}

async function run(): Promise<void> {
  const args = parseArgs(process.argv.slice(2))
  if (args.kind === 'error') {
    console.error(args.message)
    process.exit(1)
  }
  switch (args.command) {
    case 'help':
      console.log(helpText)
      return
    case 'version-line':
      console.error(VERSION)
      return
    case 'version':
      printVersion(args.json)
      return
    case 'lint': {
      const { exitCode, lines } = lintConfig({ args, env: process.env, cwd: process.cwd() })
      console.log(lines.join('\n'))
      process.exitCode = exitCode
      return
    }
    case 'start':
      await start(args)
  }
}

try {
  await run()
} catch (err) {
  console.error(err instanceof ConfigError ? err.message : err)
  process.exit(1)
}
