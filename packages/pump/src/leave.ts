import { accessSync, constants } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Calls of the file system and of the resolver, which threads of the process wait for. */
const POOL_WORK = /^(?:FSReq|FileHandleCloseReq|GetAddrInfoReq|GetNameInfoReq)/

/** What is under way has so long to end by itself. */
const GRACE_MS = 250
const LOOK_EVERY_MS = 10

/** Waits a moment for calls that are under way. Returns the kinds of those that do not come back. */
export async function unfinishedCalls(): Promise<readonly string[]> {
  const until = Date.now() + GRACE_MS
  for (;;) {
    const calls = process.getActiveResourcesInfo().filter((kind) => POOL_WORK.test(kind))
    if (calls.length === 0 || Date.now() >= until) return calls
    await delay(LOOK_EVERY_MS)
  }
}

/**
 * Ends the process, whatever its calls wait for; only one that the kernel itself does not let go keeps it.
 *
 * An ordinary exit waits for every thread of the pool, so one call to a disk that does not answer, as a network mount whose
 * server is gone, would keep the process for ever.
 */
export async function leave(code: number): Promise<never> {
  if ((await unfinishedCalls()).length === 0) process.exit(code)
  // A program in the place of this one: its threads end with it, and the exit code is kept. The first process of a container
  // cannot kill itself, because the kernel gives it no signal from its own side.
  try {
    // Where it cannot be run, Node.js would end this one with an abort.
    accessSync(process.execPath, constants.X_OK)
    process.execve?.(process.execPath, [process.execPath, '-e', `process.exit(${code})`], {})
  } catch {
    // The program file is gone, or the system or a permission does not let one take the place of another.
  }
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable: the process was killed')
}
