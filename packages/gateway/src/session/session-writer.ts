import type { RedisStores } from '../redis/stores.ts'
import type { CountedLog } from '../auth/counted-log.ts'
import { CLUSTER_CHANNEL, keySpaceUpdateMessage } from './key-space-message.ts'
import { formatSession, type Session } from './session.ts'
import { bareDigest, writeUnchanged } from './unchanged.ts'

/** One session to be written. A later one for the same key replaces it. */
export interface SessionWrite {
  readonly storageKey: string
  /** Asked when the write happens: most are replaced by a later one before that. */
  readonly session: () => Session
  /** Not positive: no expiry. */
  readonly ttlSeconds: number
  /**
   * `if-present` writes only over a session that is still there, so that a deleted key stays deleted; `if-absent` makes a
   * session and leaves one alone that somebody else has made meanwhile; `if-unchanged` writes over the text that the
   * session was read from, and over its own, whatever their quota figures.
   */
  readonly condition: 'always' | 'if-present' | 'if-absent' | 'if-unchanged'
}

/** Writes sessions to Redis beside the requests that changed them: collected, in the order of keys, one batch at a time. */
export interface SessionWriter {
  add(write: SessionWrite): void
  /** The session that waits to be written under a key; where only quota figures wait, what Redis holds counts. */
  pending(storageKey: string): Session | undefined
  /** Gives up a write that waits. */
  drop(storageKey: string): void
  /** Resolves when what is on its way to Redis has arrived. */
  settle(): Promise<void>
  /** Resolves when everything added so far was written or given up. */
  flush(): Promise<void>
  close(): Promise<void>
}

const FLUSH_AFTER_MS = 50
const MAX_WAITING = 10_000
const MAX_BATCH = 500

export function createSessionWriter(
  redis: Pick<RedisStores, 'main' | 'isUp'>,
  nodeSecret: string,
  log: CountedLog,
  prefix: string,
): SessionWriter {
  const waiting = new Map<string, SessionWrite>()
  let inFlight: Map<string, SessionWrite> = new Map()
  let timer: NodeJS.Timeout | null = null
  let running: Promise<void> | null = null
  let sending: Promise<void> = Promise.resolve()

  const find = (storageKey: string): SessionWrite | undefined => waiting.get(storageKey) ?? inFlight.get(storageKey)

  function schedule(): void {
    if (timer !== null || running !== null) return
    timer = setTimeout(() => void flush(), FLUSH_AFTER_MS)
    timer.unref()
  }

  function flush(): Promise<void> {
    if (timer !== null) clearTimeout(timer)
    timer = null
    running ??= drain().finally(() => {
      running = null
      if (waiting.size > 0) schedule()
    })
    return running
  }

  async function drain(): Promise<void> {
    while (waiting.size > 0) {
      inFlight = takeBatch(waiting)
      sending = writeBatch([...inFlight.values()])
      await sending
      inFlight = new Map()
    }
  }

  async function writeBatch(batch: readonly SessionWrite[]): Promise<void> {
    try {
      if (!redis.isUp) throw new Error('Redis is not reachable')
      // Single commands, not a transaction: in a cluster the keys live on different nodes. ioredis sends them together.
      const results = await Promise.allSettled(batch.map(writeOne))
      const refused = results.find((result) => result.status === 'rejected')
      if (refused !== undefined) throw refused.reason as Error
    } catch (err) {
      log.note("Can't update session", () => ({ err, sessions: batch.length }))
    }
  }

  /** False: somebody else has changed the session, and it was left alone. */
  async function store(write: SessionWrite): Promise<boolean> {
    if (write.condition !== 'if-unchanged') {
      await redis.main.call('SET', ...setArguments(write, prefix))
      return true
    }
    const session = write.session()
    const text = formatSession(session)
    const ttlSeconds = Math.ceil(Math.max(0, write.ttlSeconds))
    const digest = bareDigest(text)
    const written = await writeUnchanged(
      redis.main,
      prefix + write.storageKey,
      text,
      ttlSeconds,
      session.storedDigest ?? digest,
      digest,
    )
    return written === 1
  }

  async function writeOne(write: SessionWrite): Promise<void> {
    if (!(await store(write))) return
    await redis.main.publish(CLUSTER_CHANNEL, keySpaceUpdateMessage(write.storageKey, nodeSecret))
  }

  return {
    add(write) {
      const before = waiting.get(write.storageKey)
      waiting.delete(write.storageKey)
      if (waiting.size >= MAX_WAITING) dropOldest()
      // A write that makes the session and has not happened yet must not turn into one that needs it to be there.
      const stays = before !== undefined && before.condition !== 'if-unchanged'
      waiting.set(write.storageKey, stays ? { ...write, condition: before.condition } : write)
      schedule()
    },
    pending(storageKey) {
      const write = find(storageKey)
      return write?.condition === 'if-unchanged' ? undefined : write?.session()
    },
    drop: (storageKey) => void waiting.delete(storageKey),
    settle: () => sending,
    flush,
    async close() {
      await flush()
      if (timer !== null) clearTimeout(timer)
    },
  }

  function dropOldest(): void {
    for (const storageKey of waiting.keys()) {
      waiting.delete(storageKey)
      log.note('too many sessions wait to be written, oldest dropped', () => ({ limit: MAX_WAITING }))
      return
    }
  }
}

function takeBatch(waiting: Map<string, SessionWrite>): Map<string, SessionWrite> {
  const batch = new Map<string, SessionWrite>()
  for (const [storageKey, write] of waiting) {
    if (batch.size >= MAX_BATCH) break
    batch.set(storageKey, write)
    waiting.delete(storageKey)
  }
  return batch
}

/** Arguments of the `SET` that stores a session. */
export function setArguments(write: SessionWrite, prefix: string): string[] {
  const args = [prefix + write.storageKey, formatSession(write.session())]
  if (write.ttlSeconds > 0) args.push('EX', String(Math.ceil(write.ttlSeconds)))
  if (write.condition !== 'always') args.push(write.condition === 'if-present' ? 'XX' : 'NX')
  return args
}

/** In front of the name of every stored session of a key, whatever kind of credential it belongs to. */
export const SESSION_PREFIX = 'apikey-'
