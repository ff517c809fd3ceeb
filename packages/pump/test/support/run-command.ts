import { PassThrough } from 'node:stream'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Program } from '../../../../test/support/process.ts'
import { cleanEnvironment, startService } from '../../../../test/support/programs.ts'
import { runCheck } from '../../src/commands/check/index.ts'
import { runDeadLetters } from '../../src/commands/dead-letters/index.ts'
import { runLeases } from '../../src/commands/leases.ts'
import { runLedger } from '../../src/commands/ledger/index.ts'
import { parseCommand } from '../../src/config/arguments.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createLog } from '../../src/log/create-log.ts'

export interface CommandResult {
  readonly code: number | NodeJS.Signals
  readonly output: string
}

export interface CommandRunner extends AsyncDisposable {
  /** The folder of its configuration, and its working directory. */
  readonly dir: string
  run(...args: string[]): Promise<CommandResult>
  start(...args: string[]): Program
}

/** Runs commands of the real program with one configuration. */
export async function commandRunner(conf: object, env: Readonly<Record<string, string>> = {}): Promise<CommandRunner> {
  const dir = await mkdtemp(join(tmpdir(), 'tek-command-'))
  const confPath = join(dir, 'pump.conf')
  await writeFile(confPath, JSON.stringify({ purge_delay: 1, dont_purge_uptime_data: true, ...conf }))
  const start = (...args: string[]): Program =>
    startService('pump', [...args, '--conf', confPath], { cwd: dir, env: cleanEnvironment(env) })
  return {
    dir,
    start,
    run: async (...args) => {
      await using program = start(...args)
      const code = await program.exited()
      return { code, output: program.output() }
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  }
}

/** Runs one command in this process, as the program would. */
export async function runHere(args: readonly string[], conf: object): Promise<CommandResult> {
  const dir = await mkdtemp(join(tmpdir(), 'tek-command-'))
  const confPath = join(dir, 'pump.conf')
  await writeFile(confPath, JSON.stringify({ purge_delay: 1, dont_purge_uptime_data: true, ...conf }))
  let output = ''
  const write = (text: string): void => {
    output += text
  }
  try {
    const code = await dispatch([...args, '--conf', confPath], dir, write)
    return { code, output }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function dispatch(args: readonly string[], dir: string, write: (text: string) => void): Promise<number> {
  const command = parseCommand(args, {}, '')
  const common = { print: write, progress: { write, isTerminal: false }, workingDirectory: dir }
  if (command.kind === 'check') {
    return runCheck(command, {
      ...common,
      env: {},
      findMs: 500,
      output: new PassThrough().on('data', (text) => write(String(text))),
    })
  }
  if (command.kind === 'refuse') {
    write(command.message)
    return 1
  }
  const config = loadConfig({ confPath: join(dir, 'pump.conf'), env: {}, cwd: dir })
  const deps = { ...common, config, log: createLog({ level: 'info', format: 'text' }, write) }
  if (command.kind === 'dead-letters') return runDeadLetters(command, deps)
  if (command.kind === 'leases') return runLeases(command, deps)
  if (command.kind === 'ledger') return runLedger(command, deps)
  throw new Error(`no command of the command line: ${args.join(' ')}`)
}
