/** `dead-letters list`, `show`, `replay` and `drop`: what a person does about records that a sink has refused. */
import type { DeadLettersCommand } from '../../config/arguments.ts'
import { type DeadLetterStore, openStores } from '../../dead-letters/index.ts'
import type { Log } from '../../log/log.ts'
import { Progress } from '../progress.ts'
import { type CommandDeps, withRedis } from '../session.ts'
import { dropLetters } from './drop.ts'
import { listLetters } from './list.ts'
import { replayLetters } from './replay.ts'
import { compileSelection } from './select.ts'
import { showLetters } from './show.ts'
import type { LetterWork } from './walk.ts'

/** Returns the exit code: 1 when a place cannot be asked, or when something was left that was meant. */
export function runDeadLetters(command: DeadLettersCommand, deps: CommandDeps): Promise<number> {
  return withRedis(deps, async (redis) => {
    const { store, fallback } = openStores(deps.config, redis, deps.workingDirectory, quiet(deps.log))
    // What the configured place could not take is in the other one.
    const stores: readonly DeadLetterStore[] = store === fallback ? [store] : [store, fallback]
    const progress = new Progress(deps.progress)
    const explain = (failed: DeadLetterStore, error: unknown): string =>
      failed === fallback ? redis.explain(error) : error instanceof Error ? error.message : String(error)
    const isMeant = compileSelection(command.selection, Date.now())
    const work: LetterWork = { stores, isMeant, progress, explain, deps }
    try {
      switch (command.action) {
        case 'list':
          return await listLetters(work, command)
        case 'show':
          return await showLetters(work, command)
        case 'replay':
          return await replayLetters(work, command.confirmed, redis.client)
        case 'drop':
          return await dropLetters(work, command.confirmed)
      }
    } finally {
      progress.clear()
      await Promise.allSettled(stores.map((one) => one.close()))
    }
  })
}

/** A sink's lines about its start say nothing to somebody who looks at dead letters. */
function quiet(log: Log): Log {
  return log.child({}, { level: log.isLevelEnabled('debug') ? 'debug' : 'error' })
}
