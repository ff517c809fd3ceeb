import { computed, signal } from '@preact/signals'
import { addTerm, clickedTerm } from './query-line.ts'
import type { RangeWords } from './time.ts'
import { decodeUrl, encodeUrl, type PageState, rangeMistakes, type View } from './url.ts'

const current = signal(decodeUrl(location.pathname, location.search))
/** See `rangeMistakes`; none as soon as the page itself has written the URL. */
export const badRangeWords = signal(rangeMistakes(location.search))

/** The state that the URL says. Only `go` and the browser's own buttons change it. */
export const page = computed(() => current.value)

addEventListener('popstate', () => {
  current.value = decodeUrl(location.pathname, location.search)
  badRangeWords.value = rangeMistakes(location.search)
})

/** Changes some of the state. `replace` leaves no step to go back to, for what nobody would want to undo. */
export function go(change: Partial<PageState>, how: 'push' | 'replace' = 'push'): void {
  const next = { ...current.peek(), ...change }
  const url = encodeUrl(next)
  if (url === location.pathname + location.search) return
  if (how === 'push') history.pushState(null, '', url)
  else history.replaceState(null, '', url)
  current.value = next
  badRangeWords.value = []
}

/** The other views keep query and range; what belongs to one view alone is dropped. */
export function viewState(view: View, state: PageState = current.peek()): PageState {
  return view === state.view ? { ...state, row: '' } : { ...state, view, sort: '', order: 'desc', row: '' }
}

export function openView(view: View, change: Partial<PageState> = {}): void {
  go({ ...viewState(view), ...change })
  scrollTo({ top: 0 })
}

export function narrow(field: string, value: string | number, how: 'only' | 'exclude'): void {
  narrowBy(clickedTerm(field, value), how)
}

export function narrowBy(term: string, how: 'only' | 'exclude'): void {
  go({ query: addTerm(current.peek().query, term, how), row: '' })
}

export function setRange(range: RangeWords): void {
  go({ ...range, live: current.peek().live && range.to === 'now', row: '' })
}
