import { computed, type ReadonlySignal, signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { ApiError, getJson } from './client.ts'
import type { Problem } from './types.ts'

export interface Resource<T> {
  /** The last good answer, also while the next is awaited or after it has failed. */
  readonly data: T | null
  /** What `data` answers. */
  readonly path: string | null
  readonly problem: Problem | null
  /** A question is on its way that a person has asked, not the live refresh. */
  readonly loading: boolean
  readonly cancelled: boolean
}

const NOTHING: Resource<never> = {
  data: null,
  path: null,
  problem: null,
  loading: true,
  cancelled: false,
}

/** Asked again by all that is shown; `quiet` does not dim what is there. */
export const refresh = signal({ count: 0, quiet: false })

export function refreshAll(quiet: boolean): void {
  refresh.value = { count: refresh.peek().count + 1, quiet }
}

interface Load {
  readonly sinceMs: number
  readonly cancel: () => void
}

const loads = signal<readonly Load[]>([])
/** When the oldest question on its way was asked, or null. */
export const waitingSinceMs = computed(() =>
  loads.value.length === 0 ? null : Math.min(...loads.value.map(({ sinceMs }) => sinceMs)),
)

export function cancelLoads(): void {
  for (const { cancel } of loads.peek()) cancel()
}

/** The answers of late, so that going back shows something at once. */
const recent = new Map<string, unknown>()
const RECENT_MAX = 12

export interface ViewProblem {
  readonly problem: Problem
  /** The query line that was asked with. */
  readonly query: string
}

/** Why the view that is shown has no answer, for what stands outside of it; null when the last one was good. */
export const viewProblem = signal<ViewProblem | null>(null)

/** The question of a view is about a range of time; that of a single request is not. */
function noteProblem(path: string, problem: Problem | null): void {
  const asked = new URLSearchParams(path.slice(path.indexOf('?') + 1))
  if (!asked.has('from')) return
  viewProblem.value = problem === null ? null : { problem, query: asked.get('q') ?? '' }
}

/** Loads `path` and loads it again when it changes or `refresh` says so. Null waits. */
export function useResource<T>(path: string | null): ReadonlySignal<Resource<T>> {
  const state = useMemo(() => signal<Resource<T>>(NOTHING), [])
  const { count, quiet } = refresh.value
  useEffect(() => {
    if (path === null) return undefined
    const asked = load<T>(path, quiet && state.peek().path === path, state)
    return () => asked.abort()
  }, [path, count])
  return state
}

function load<T>(path: string, quiet: boolean, state: { value: Resource<T>; peek(): Resource<T> }): AbortController {
  const controller = new AbortController()
  const before = state.peek()
  const known = before.path === path || !recent.has(path) ? before : { ...before, data: recent.get(path) as T, path }
  state.value = { ...known, loading: !quiet, cancelled: false, problem: quiet ? known.problem : null }
  let byUser = false
  const mine: Load = {
    sinceMs: Date.now(),
    cancel() {
      byUser = true
      controller.abort()
    },
  }
  if (!quiet) loads.value = [...loads.peek(), mine]
  const end = (change: Partial<Resource<T>>): void => {
    state.value = { ...state.peek(), loading: false, ...change }
  }
  getJson<T>(path, controller.signal)
    .then((data) => {
      remember(path, data)
      noteProblem(path, null)
      end({ data, path, problem: null })
    })
    .catch((error: unknown) => {
      // A newer question has taken its place, unless a person gave up on this one.
      if (controller.signal.aborted) {
        if (byUser) end({ cancelled: true })
        return
      }
      const problem = error instanceof ApiError ? error.problem : unexpected(error)
      noteProblem(path, problem)
      end({ problem })
    })
    .finally(() => {
      loads.value = loads.peek().filter((other) => other !== mine)
    })
  return controller
}

function unexpected(error: unknown): Problem {
  const message = `The answer cannot be read: ${error instanceof Error ? error.message : String(error)}`
  return { code: 'unreadable', message, cure: 'Reload the page: it may be older than its server.' }
}

function remember(path: string, data: unknown): void {
  recent.delete(path)
  recent.set(path, data)
  const [oldest] = recent.keys()
  if (recent.size > RECENT_MAX && oldest !== undefined) recent.delete(oldest)
}
