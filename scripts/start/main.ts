/** The embedded stack: Redis, a sample upstream, the gateway, the pump and the explorer, until Ctrl-C. */
import { buildPackages } from '../jobs/build-packages.ts'
import { RedisNotFoundError } from '../redis/find-redis.ts'
import { type Lock, LockedError, takeLock } from './lock.ts'
import { ignoredVariables, parseOptions, type StartOptions, USAGE, UsageError } from './options.ts'
import { shownLine, welcome } from './report.ts'
import { describeEnd, type Stack, StackError, startStack } from './stack.ts'

/** Runs until a signal comes or a program ends. Returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args, process.env)
    if (options === 'help') {
      console.log(USAGE)
      return 0
    }
    sayIgnored(process.env)
    const lock = takeLock(options.dataDir)
    try {
      console.log('Building…')
      const built = await buildPackages()
      return built === 0 ? await runStack(options, lock) : built
    } finally {
      lock.release()
    }
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${USAGE}`)
      return 2
    }
    if (error instanceof StackError || error instanceof RedisNotFoundError || error instanceof LockedError) {
      console.error(`\n${error.message}`)
      return 1
    }
    throw error
  }
}

function sayIgnored(env: NodeJS.ProcessEnv): void {
  const names = ignoredVariables(env)
  if (names.length === 0) return
  console.log(`Ignoring ${names.join(', ')}: npm start writes its own configuration (README.md: Configuration)`)
}

async function runStack(options: StartOptions, lock: Lock): Promise<number> {
  const stopping = new AbortController()
  const { promise: asked, resolve: ask } = Promise.withResolvers<'asked'>()
  const onSignal = (): void => {
    stopping.abort()
    ask('asked')
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  console.log('Starting…')
  let stack: Stack
  try {
    stack = await startStack(options, eventsOf(options, lock, stopping.signal), stopping.signal)
  } catch (error) {
    if (stopping.signal.aborted) return 0
    throw error
  }
  console.log(welcome(options, stack))
  console.log('ready')
  const first = await Promise.race([asked, stack.failed()])
  stopping.abort()
  if (first !== 'asked') console.error(`\n${describeEnd(first.child, first.code)}`)
  console.log(first === 'asked' ? '\nStopping…' : 'Stopping the others…')
  await stack.stop()
  console.log('Stopped.')
  return first === 'asked' ? 0 : 1
}

/** While stopping, what the programs say stays in their files. */
function eventsOf(options: StartOptions, lock: Lock, stopping: AbortSignal): Parameters<typeof startStack>[1] {
  return {
    say: (line) => console.log(line),
    started: (program, pid) => lock.add(program, pid),
    onLine: (program, line) => {
      const shown = shownLine(program, line, options.verbose)
      if (shown !== undefined && (options.verbose || !stopping.aborted)) console.log(shown)
    },
  }
}
