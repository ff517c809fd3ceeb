/** The page's state, and the URL that is all of it. */
import { DEFAULT_RANGE, parseTimeWord } from './time.ts'

export const VIEWS = ['overview', 'requests', 'errors', 'map', 'pipeline'] as const
export type View = (typeof VIEWS)[number]

export interface PageState {
  readonly view: View
  readonly query: string
  readonly from: string
  readonly to: string
  /** Of the table of requests; empty stands for the usual ones. */
  readonly columns: readonly string[]
  /** Empty stands for the view's usual one. */
  readonly sort: string
  readonly order: 'asc' | 'desc'
  /** Id of the request that is open, or empty. */
  readonly row: string
  readonly live: boolean
}

export const START: PageState = {
  view: 'overview',
  query: '',
  ...DEFAULT_RANGE,
  columns: [],
  sort: '',
  order: 'desc',
  row: '',
  live: false,
}

/** The words of the time range in a URL that are no times: nobody shall take another range's numbers for theirs. */
export function rangeMistakes(search: string, nowMs = Date.now()): string[] {
  const parameters = new URLSearchParams(search)
  const words = [parameters.get('from') ?? '', parameters.get('to') ?? '']
  const unread = words.filter((word) => word !== '' && parseTimeWord(word, nowMs) === null)
  return unread.length === 0 && isBackwards(search, nowMs) ? words.filter((word) => word !== '') : unread
}

/** Whether a range ends before it begins, with what is meant where the URL says nothing. */
function isBackwards(search: string, nowMs: number): boolean {
  const parameters = new URLSearchParams(search)
  const [fromMs, toMs] = (['from', 'to'] as const).map((key) => parseTimeWord(parameters.get(key) || START[key], nowMs))
  return fromMs != null && toMs != null && fromMs >= toMs
}

/** Any URL gives a state: what is missing or makes no sense is as at the start. */
export function decodeUrl(path: string, search: string, nowMs = Date.now()): PageState {
  const name = path.replace(/^\/|\/$/g, '')
  const parameters = new URLSearchParams(search)
  const text = (key: string): string => parameters.get(key) ?? ''
  const backwards = isBackwards(search, nowMs)
  const time = (key: 'from' | 'to'): string => {
    const word = text(key)
    return backwards || parseTimeWord(word, 0) === null ? START[key] : word
  }
  return {
    view: VIEWS.find((view) => view === name) ?? START.view,
    query: text('q'),
    from: time('from'),
    to: time('to'),
    columns: [
      ...new Set(
        text('columns')
          .split(',')
          .filter((column) => /^[\w@.]+$/.test(column)),
      ),
    ],
    sort: /^[\w@.]*$/.test(text('sort')) ? text('sort') : '',
    order: text('order') === 'asc' ? 'asc' : 'desc',
    row: text('row'),
    live: text('live') === '1',
  }
}

/** The shortest URL of a state: what is as at the start is left out. */
export function encodeUrl(state: PageState): string {
  const parts: string[] = []
  const add = (key: string, value: string, usual: string): void => {
    if (value !== usual) parts.push(`${key}=${readable(value)}`)
  }
  add('q', state.query, '')
  add('from', state.from, START.from)
  add('to', state.to, START.to)
  add('columns', state.columns.join(','), '')
  add('sort', state.sort, '')
  add('order', state.order, START.order)
  add('row', state.row, '')
  add('live', state.live ? '1' : '', '')
  return `/${state.view}${parts.length === 0 ? '' : `?${parts.join('&')}`}`
}

/** Escapes what must be, and leaves alone what people read: a link with `response_code:500` in it explains itself. */
function readable(value: string): string {
  return (
    encodeURIComponent(value)
      .replace(/%3A/g, ':')
      .replace(/%2C/g, ',')
      .replace(/%2F/g, '/')
      .replace(/%40/g, '@')
      .replace(/%20/g, '+')
      // Chat programs end a link at it.
      .replace(/'/g, '%27')
  )
}
