import { computed, effect, signal } from '@preact/signals'
import { page } from '../state/location.ts'
import { clockMs } from '../state/screen.ts'
import { ApiError, getJson, send } from './client.ts'
import { refreshAll, viewProblem, waitingSinceMs } from './resource.ts'
import type { About } from './types.ts'

/** What the explorer says of itself and its store; null until it has answered once. */
export const about = signal<About | null>(null)
/** Why it does not, and since when. */
export const unreachable = signal<{
  readonly message: string
  readonly cure: string
  readonly sinceMs: number
} | null>(null)

export const storeDown = computed(() => unreachable.value !== null || about.value?.store.state === 'down')
/** The view got no answer because the store or the explorer gave none: it is asked again as soon as one does. */
const viewWaits = computed(() => ['store_down', 'unreachable'].includes(viewProblem.value?.problem.code ?? ''))

const LIVE_MS = 5_000
const IDLE_MS = 30_000

const TOO_LATE = {
  message: 'The explorer did not answer within 10 seconds.',
  cure: 'It did not answer within 10 seconds: look what its log says.',
}

let asking = false

export async function askAbout(): Promise<void> {
  if (asking) return
  asking = true
  const wasDown = storeDown.peek() || viewWaits.peek()
  const wasEmpty = about.peek()?.records === 0
  try {
    about.value = await getJson<About>('/about', AbortSignal.timeout(10_000))
    unreachable.value = null
  } catch (error) {
    const answered = error instanceof ApiError && error.status > 0
    const { message, cure } = error instanceof ApiError ? error.problem : TOO_LATE
    unreachable.value = answered ? null : { message, cure, sinceMs: unreachable.peek()?.sinceMs ?? Date.now() }
  } finally {
    asking = false
  }
  const first = wasEmpty && (about.peek()?.records ?? 0) > 0
  if (first || (wasDown && !storeDown.peek())) refreshAll(false)
}

export async function setTraffic(running: boolean): Promise<void> {
  const response = await send('/traffic', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ running }),
  })
  const traffic = (await response.json()) as About['traffic']
  const known = about.peek()
  if (known !== null) about.value = { ...known, traffic }
}

/** A view that is being read says so, and is not changed under the reader's eyes. */
export const liveHeld = signal(false)

/** Keeps `about` and, when live, the view up to date. */
export function startRefresh(): void {
  let aboutMs = 0
  let viewMs = Date.now()
  effect(() => {
    const now = clockMs.value
    const live = page.value.live
    const known = about.value
    const troubled = storeDown.value || viewWaits.value || known?.store.state === 'degraded'
    const often = live || troubled || known?.records === 0 || known?.traffic.running === true
    if (now - aboutMs >= (often ? LIVE_MS : IDLE_MS)) {
      aboutMs = now
      void askAbout()
    }
    const answerable = !storeDown.value && viewProblem.peek()?.problem.code !== 'query_syntax'
    if (live && answerable && !liveHeld.value && now - viewMs >= LIVE_MS && waitingSinceMs.peek() === null) {
      viewMs = now
      refreshAll(true)
    }
  })
}
