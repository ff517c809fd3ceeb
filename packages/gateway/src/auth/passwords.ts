import { hash, randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import bcrypt from 'bcrypt'
import { isKeyHashFunction } from './key-format.ts'
import { hashText } from './key-hash.ts'
import { BCRYPT_BYTES, canonicalBcrypt, isQuick, matchesQuick, type StoredPassword } from './stored-password.ts'
import { createWorkQueue } from './work-queue.ts'

/** Bcrypt would leave the end of a password out; the caller is told instead. */
export class PasswordTooLongError extends Error {
  readonly code = 'GATEWAY_PASSWORD_TOO_LONG'
}

/** Who presents a password. */
export interface Claimant {
  /** With the organisation. Equal comparisons at one time are one; for users that do not exist they are just as many. */
  readonly user: string
  /** Each API has a share of the places to wait in. */
  readonly apiId: string
}

/** Stores and checks passwords. Bcrypt works on the threads of libuv, a bounded number at a time. */
export interface Passwords {
  /**
   * The form in which a new password is stored. Waits for other new ones only, never for checks.
   *
   * @throws PasswordTooLongError (rejects).
   * @throws WorkRefusedError (rejects) when too many wait.
   */
  protect(password: string): Promise<StoredPassword>
  /**
   * Whether a password is the stored one. What is refused takes as long as a wrong password of a user made by this
   * gateway, also for null: nobody's password.
   *
   * @throws WorkRefusedError (rejects) when too many passwords wait to be checked.
   */
  check(stored: StoredPassword | null, given: Buffer, by: Claimant): Promise<boolean>
}

/** Tyk's. About 60 ms of one core. */
const BCRYPT_COST = 10
/** Compared with when there is nothing to compare with; the outcome is thrown away. */
const NOBODY = `$2b$${BCRYPT_COST}$nobodynobodynobodynobO7LaRsa0yLkKq1nEwJ8yuqIYQZ0aBcDe`

/** No digest in base64 holds it. */
const SEPARATOR = '\n'
const MAX_WAITING = 2000
const MAX_WAITING_PER_API = MAX_WAITING / 4
const MAX_WAITING_TO_BE_MADE = 100
const MAX_WAIT_MS = 10_000
const DEFAULT_LIBUV_THREADS = 4

/** Half of the threads: files, host names and compression need the others. */
function parallelism(env: NodeJS.ProcessEnv): number {
  const threads = Number(env['UV_THREADPOOL_SIZE']) || DEFAULT_LIBUV_THREADS
  return Math.max(1, Math.min(Math.floor(threads / 2), availableParallelism()))
}

export interface PasswordsOptions {
  /** As `basic_auth_hash_key_function`; an unknown name means bcrypt. */
  readonly hashFunction: string
  readonly env: NodeJS.ProcessEnv
  /** Stands in for bcrypt's own comparison, for tests that want to see it called. */
  readonly compare?: (password: Buffer, hash: string) => Promise<boolean>
}

export function createPasswords({ hashFunction, env, compare = bcrypt.compare }: PasswordsOptions): Passwords {
  const queue = createWorkQueue({
    parallel: parallelism(env),
    maxWaiting: MAX_WAITING,
    maxWaitMs: MAX_WAIT_MS,
    maxWaitingEach: MAX_WAITING_PER_API,
  })
  const made = createWorkQueue({ parallel: 1, maxWaiting: MAX_WAITING_TO_BE_MADE, maxWaitMs: MAX_WAIT_MS })
  const quick = isKeyHashFunction(hashFunction) ? hashFunction : null
  const secret = randomBytes(32)
  const running = new Map<string, Promise<boolean>>()

  /** Equal comparisons at one time are one. By the user as well: the hash of nobody is shared. */
  function compareBcrypt(canonical: string, given: Buffer, { user, apiId }: Claimant): Promise<boolean> {
    const key = canonical + user + SEPARATOR + hash('sha256', Buffer.concat([secret, given]), 'base64')
    let comparison = running.get(key)
    if (comparison === undefined) {
      const bytes = given.subarray(0, BCRYPT_BYTES)
      comparison = queue.run(() => compare(bytes, canonical), apiId).finally(() => running.delete(key))
      running.set(key, comparison)
    }
    return comparison
  }

  async function refuseSlowly(given: Buffer, by: Claimant): Promise<false> {
    if (quick === null) await compareBcrypt(NOBODY, given, by)
    return false
  }

  return {
    async protect(password) {
      if (quick !== null) return { password: hashText(password, quick), hash_type: quick }
      const bytes = Buffer.from(password, 'utf8')
      if (bytes.length > BCRYPT_BYTES)
        throw new PasswordTooLongError(`bcrypt takes ${BCRYPT_BYTES} bytes of a password`)
      // `2a` is what Go writes. It equals `2b` for passwords of this length.
      const salt = await bcrypt.genSalt(BCRYPT_COST, 'a')
      return { password: await made.run(() => bcrypt.hash(bytes, salt)), hash_type: 'bcrypt' }
    },
    async check(stored, given, by) {
      if (stored === null) return refuseSlowly(given, by)
      if (isQuick(stored)) return matchesQuick(stored, given) || refuseSlowly(given, by)
      const canonical = canonicalBcrypt(stored.password)
      return canonical === null ? refuseSlowly(given, by) : compareBcrypt(canonical, given, by)
    },
  }
}
