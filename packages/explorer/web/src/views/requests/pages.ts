import { type Signal, signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { ApiError, getJson } from '../../api/client.ts'
import type { RequestRow, Requests } from '../../api/types.ts'

export interface Pages {
  readonly rows: readonly RequestRow[]
  readonly next: string | null
  readonly state: 'idle' | 'loading' | 'failed'
  readonly message: string
}

/** The first page and those behind it, which are fetched as they come into sight. */
export function usePages(first: Requests, path: string): { pages: Signal<Pages>; more: () => void } {
  const pages = useMemo(() => signal(pagesOf(first)), [])
  const control = useMemo(() => ({ current: new AbortController() }), [])
  useEffect(() => {
    control.current.abort()
    control.current = new AbortController()
    pages.value = pagesOf(first)
  }, [first])
  useEffect(() => () => control.current.abort(), [])

  const more = (): void => {
    const { next, state, rows } = pages.peek()
    if (next === null || state === 'loading') return
    pages.value = { ...pages.peek(), state: 'loading' }
    const { signal: abort } = control.current
    getJson<Requests>(`${path}&after=${encodeURIComponent(next)}`, abort)
      .then((page) => {
        if (!abort.aborted) pages.value = { ...pagesOf(page), rows: [...rows, ...page.rows] }
      })
      .catch((error: unknown) => {
        if (abort.aborted) return
        const message = error instanceof ApiError ? error.message : 'The answer cannot be read.'
        pages.value = { ...pages.peek(), state: 'failed', message }
      })
  }
  return { pages, more }
}

function pagesOf({ rows, next }: Requests): Pages {
  return { rows, next, state: 'idle', message: '' }
}
