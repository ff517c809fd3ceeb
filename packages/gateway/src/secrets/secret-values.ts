import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { toByteString } from '../byte-string.ts'
import type { Log } from '../log/log.ts'
import type { SecretStores } from './create-stores.ts'
import { placeOf, type Reference, selectField } from './reference.ts'
import { resolve } from './resolve.ts'
import { SecretStoreError, type Stored, type StoredPlace } from './store.ts'
import { parseVariable } from './variables.ts'

/** A secret that requests use. Its text changes when the store's does; empty: there is none. A byte string. */
export interface SecretVariable {
  readonly text: string
}

/** What one place held when it was last read, for another process. */
export type KnownSecret = StoredPlace & { readonly value: Stored }

/**
 * What is known of the stores: read at loads and refreshed in the background, never when a request needs it. What a
 * store once said stays known while the store is away.
 */
export interface SecretValues {
  /**
   * Reads places anew, all at once. Never rejects: `read` and the log say what did not work. A store that was away or
   * busy a moment ago is not asked again. Loads before the first `retain` end after `firstWaitMs` together; what has not
   * been answered by then comes later.
   */
  load(places: readonly StoredPlace[]): Promise<void>
  /** @throws SecretStoreError when nothing is known of the place. */
  read(place: StoredPlace): Stored
  /** @param token - `$secret_vault.path.field` and its like, or a `kv` reference. Its place should be loaded before. */
  variable(token: string): SecretVariable
  /**
   * Says which places are in use from now on; what is known of others is forgotten.
   *
   * @param variables - refreshed in the background.
   * @param others - kept for later loads. One that could not be read, though its store did not say that it is missing, is
   * tried again in the background: soon while the store is away or busy, else with the variables. Once it has a value, or
   * another one, `onArrival` is called.
   */
  retain(variables: readonly StoredPlace[], others: readonly StoredPlace[]): void
  /** What is known of the places that variables use. */
  known(): readonly KnownSecret[]
  /** Takes over what another process knew, and reads it anew in the background. */
  adopt(known: readonly KnownSecret[]): void
  close(): Promise<void>
}

export interface SecretValuesOptions {
  readonly stores: SecretStores
  readonly env: NodeJS.ProcessEnv
  /** The `secrets` map of tyk.conf. */
  readonly secrets: Readonly<Record<string, string>>
  readonly log: Log
  /** A place that a load could not read has a value now. */
  readonly onArrival: () => void
  /** Pause between refreshes, in milliseconds. */
  readonly refreshMs?: number
  /** How long the first loads wait, in milliseconds: no port is open before they are over. */
  readonly firstWaitMs?: number
}

const REFRESH_MS = 30_000
/** The same for what is missed while its store is away or busy. */
const RETRY_MS = 5000
const FIRST_WAIT_MS = 5000
/** Whoever loads in several steps waits for a store that is away once. */
const REMEMBERED_MS = 2000
/** Gateways that were started together should not ask together for ever. */
const JITTER = 0.1
/** Places of one load that are read at the same time. */
const AT_ONCE = 8

interface Entry {
  readonly place: StoredPlace
  value: Stored | null
  problem: SecretStoreError
  /** The last attempt to read it failed. */
  isTroubled: boolean
  /** The last load did not ask: the store was away a moment before. */
  wasPassedOver: boolean
  readonly variables: Map<string, LiveVariable>
}

interface Down {
  readonly failure: SecretStoreError
  /** By `performance.now()`. */
  readonly sinceMs: number
}

/** What loads had of a place that is tried again. */
interface Awaited {
  readonly place: StoredPlace
  readonly value: Stored | null
}

interface LiveVariable extends SecretVariable {
  text: string
  /** The last that was logged. */
  problem: string
  readonly reference: Reference
}

const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/

export function createSecretValues(options: SecretValuesOptions): SecretValues {
  const { stores, log, onArrival, refreshMs = REFRESH_MS, firstWaitMs = FIRST_WAIT_MS } = options
  const entries = new Map<string, Entry>()
  const troubles = new Map<StoredPlace['store'], string>()
  let followed: readonly StoredPlace[] = []
  let awaited: readonly Awaited[] = []
  /** Stores that were away or busy when they were last asked, and since when. */
  const down = new Map<StoredPlace['store'], Down>()
  /** Over when the first loads have waited long enough; null: there are none any more. */
  let firstWait: Promise<void> | null | undefined
  let wasLate = false
  /** When all places are due again. */
  let refreshAtMs = 0
  let timer: NodeJS.Timeout | null = null
  let closed = false
  /** Something was taken over from another process. */
  let isOld = false

  function entryOf(place: StoredPlace): Entry {
    const key = keyOf(place)
    let entry = entries.get(key)
    if (entry === undefined) {
      const problem = new SecretStoreError('away', 'it has not been read')
      entry = { place, value: null, problem, isTroubled: false, wasPassedOver: false, variables: new Map() }
      entries.set(key, entry)
    }
    return entry
  }

  async function load(places: readonly StoredPlace[]): Promise<void> {
    for (const [store, { sinceMs }] of down) if (performance.now() - sinceMs > REMEMBERED_MS) down.delete(store)
    const work = readAll(places)
    if (firstWait === null) return work
    firstWait ??= sleep(firstWaitMs, undefined, { ref: false })
    const isLate = await Promise.race([work.then(() => false), firstWait.then(() => true)])
    if (!isLate || wasLate || closed) return
    wasLate = true
    log.warn('Secret stores have not answered in time, the first load goes on without')
  }

  async function readAll(places: readonly StoredPlace[]): Promise<void> {
    // Once a store was found to be away, what has not been asked for yet need not wait for it as well. What made trouble
    // before comes last, so that it does not keep the others from being read.
    const waiting = unique(places)
      .map(entryOf)
      .toSorted((a, b) => Number(a.isTroubled) - Number(b.isTroubled))
    const failures = new Map<StoredPlace['store'], SecretStoreError>()
    const asked = new Set(waiting.map(({ place }) => place.store))
    const work = async (): Promise<void> => {
      for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
        const { store } = entry.place
        const known = down.get(store)?.failure
        if (known !== undefined) note(entry, known)
        entry.wasPassedOver = known !== undefined
        const failure = known ?? (await update(entry))
        if (known === undefined) {
          if (failure !== null && isPassing(failure)) down.set(store, { failure, sinceMs: performance.now() })
          else down.delete(store)
        }
        if (failure !== null && failure.failure !== 'missing') failures.set(store, failure)
      }
    }
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, waiting.length) }, work))
    if (!closed) for (const store of asked) report(store, failures.get(store) ?? null)
  }

  async function update(entry: Entry): Promise<SecretStoreError | null> {
    try {
      entry.value = await stores[entry.place.store].read(entry.place.path)
      entry.isTroubled = false
      fillIn(entry)
      return null
    } catch (err) {
      if (!(err instanceof SecretStoreError)) throw err
      note(entry, err)
      return err
    }
  }

  function note(entry: Entry, failure: SecretStoreError): void {
    entry.problem = failure
    entry.isTroubled = failure.failure !== 'missing'
    // The store has said that it is gone; any other trouble leaves what was there in force.
    if (failure.failure === 'missing') entry.value = null
    fillIn(entry)
  }

  function fillIn(entry: Entry): void {
    for (const variable of entry.variables.values()) fillInVariable(entry, variable)
  }

  function fillInVariable(entry: Entry, variable: LiveVariable): void {
    const { text, problem } = textOf(entry, variable.reference)
    variable.text = text
    if (problem !== '' && problem !== variable.problem) {
      log.error({ reference: variable.reference.text, reason: problem }, 'Secret variable is empty')
    }
    variable.problem = problem
  }

  /** One line when a store begins to make trouble, or makes another, and one when that is over. */
  function report(store: StoredPlace['store'], failure: SecretStoreError | null): void {
    const before = troubles.get(store)
    if (failure === null) {
      troubles.delete(store)
      if (before !== undefined) log.info({ store }, 'Secret store answers again')
    } else if (failure.message !== before) {
      troubles.set(store, failure.message)
      log.error({ store, reason: failure.message }, 'Secrets cannot be read, what is known of them stays in force')
    }
  }

  /** Asks whatever was found before. */
  async function refresh(places: readonly StoredPlace[]): Promise<void> {
    const before = awaited
    down.clear()
    await readAll(places)
    // A load has come between: it has seen what there is.
    if (awaited !== before) return
    awaited = before.filter(({ place }) => isAwaited(entryOf(place)))
    const hasArrived = before.some(({ place, value }) => !isDeepStrictEqual(entryOf(place).value, value))
    if (hasArrived && !closed) onArrival()
  }

  function schedule(): void {
    if (timer !== null) clearTimeout(timer)
    timer = null
    const others = awaited.map(({ place }) => place)
    const all = unique([...followed, ...others])
    if (closed || all.length === 0) return
    const urgent = unique([
      ...followed.filter((place) => isMissed(entryOf(place))),
      ...others.filter((place) => isMissed(entryOf(place)) || entryOf(place).wasPassedOver),
    ])
    const untilRefreshMs = Math.max(0, refreshAtMs - performance.now())
    const retryMs = urgent.length === 0 ? Infinity : jittered(RETRY_MS)
    const isRefresh = untilRefreshMs <= retryMs
    const run = (): void => {
      if (isRefresh) refreshAtMs = performance.now() + jittered(refreshMs)
      refresh(isRefresh ? all : urgent)
        .catch((err: unknown) => log.error({ err }, 'Secrets could not be refreshed'))
        .finally(() => {
          if (timer === own) schedule()
        })
    }
    const own = setTimeout(run, Math.min(untilRefreshMs, retryMs)).unref()
    timer = own
  }

  const resolveLocally = (reference: Reference): string =>
    resolve(reference, { env: options.env, secrets: options.secrets, basePath: '', cwd: '', stored: readKnown })

  function readKnown(place: StoredPlace): Stored {
    const { value, problem } = entryOf(place)
    if (value === null) throw problem
    return value
  }

  return {
    load,
    read: readKnown,
    variable(token) {
      let reference: Reference
      let place: StoredPlace | null
      try {
        reference = parseVariable(token)
        place = placeOf(reference)
        if (place === null) return { text: toByteString(resolveLocally(reference)) }
      } catch (err) {
        log.error({ reference: token, reason: (err as Error).message }, 'Secret variable is empty')
        return { text: '' }
      }
      const entry = entryOf(place)
      let variable = entry.variables.get(reference.text)
      if (variable === undefined) {
        variable = { text: '', problem: '', reference }
        entry.variables.set(reference.text, variable)
        fillInVariable(entry, variable)
      }
      return variable
    },
    retain(variables, others) {
      firstWait = null
      followed = unique(variables)
      awaited = unique(others)
        .map(entryOf)
        .filter(isAwaited)
        .map(({ place, value }) => ({ place, value }))
      const used = new Set([...followed, ...others].map(keyOf))
      for (const key of entries.keys()) if (!used.has(key)) entries.delete(key)
      refreshAtMs = performance.now() + (isOld ? 0 : jittered(refreshMs))
      isOld = false
      schedule()
    },
    known: () =>
      followed.flatMap((place) => {
        const { value } = entryOf(place)
        return value === null ? [] : [{ ...place, value }]
      }),
    adopt(known) {
      for (const { store, path, value } of known) {
        const entry = entryOf({ store, path })
        isOld ||= entry.value === null
        entry.value = value
        fillIn(entry)
      }
    },
    async close() {
      closed = true
      if (timer !== null) clearTimeout(timer)
      await Promise.all(Object.values(stores).map((store) => store.close()))
    },
  }
}

const keyOf = ({ store, path }: StoredPlace): string => `${store}:${path}`

const unique = (places: readonly StoredPlace[]): StoredPlace[] => [
  ...new Map(places.map((place) => [keyOf(place), place])).values(),
]

const isPassing = ({ failure }: SecretStoreError): boolean => failure === 'away' || failure === 'busy'

const isAwaited = ({ value, problem, wasPassedOver }: Entry): boolean =>
  wasPassedOver || (value === null && problem.failure !== 'missing')

const isMissed = ({ value, problem }: Entry): boolean => value === null && isPassing(problem)

const jittered = (ms: number): number => ms * (1 + JITTER * (2 * Math.random() - 1))

function textOf(entry: Entry, reference: Reference): { readonly text: string; readonly problem: string } {
  if (entry.value === null) return { text: '', problem: entry.problem.message }
  let text: string
  try {
    text = selectField(entry.value, reference)
  } catch (err) {
    return { text: '', problem: (err as Error).message }
  }
  if (CONTROL.test(text)) return { text: '', problem: 'the value has control characters, which no header may have' }
  return { text: toByteString(text), problem: '' }
}
