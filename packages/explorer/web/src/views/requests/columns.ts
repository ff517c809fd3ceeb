import type { FieldInfo } from '../../api/types.ts'

export const USUAL_COLUMNS: readonly string[] = [
  '@timestamp',
  'response_code',
  'http_method',
  'request_uri',
  'api_name',
  'api_version',
  'alias',
  'request_time_ms',
]

/** What a row on a phone shows, whatever the columns are. */
const ROW_FIELDS: readonly string[] = [
  '@timestamp',
  'response_code',
  'http_method',
  'request_uri',
  'api_name',
  'request_time_ms',
]

/** The chosen columns that there are; without any the usual ones that the store keeps. */
export function shownColumns(chosen: readonly string[], fields: readonly FieldInfo[]): readonly string[] {
  const known = new Map(fields.map(({ name, available }) => [name, available]))
  const shown = fields.length === 0 ? chosen : chosen.filter((name) => known.has(name))
  if (shown.length > 0) return shown
  return USUAL_COLUMNS.filter((name) => known.get(name) !== false)
}

/** The field that rows are sorted by: the chosen one if there is such a one and it has an order. */
export function shownSort(chosen: string, fields: readonly FieldInfo[]): string {
  const kind = fields.find(({ name }) => name === chosen)?.kind
  return kind === undefined || kind === 'list' || kind === 'text' ? '@timestamp' : chosen
}

/** What the API is asked for. */
export function askedColumns(shown: readonly string[], fields: readonly FieldInfo[]): string {
  const unavailable = new Set(fields.filter(({ available }) => !available).map(({ name }) => name))
  return [...new Set([...shown, ...ROW_FIELDS])].filter((name) => !unavailable.has(name)).join(',')
}

export function moveColumn(columns: readonly string[], name: string, step: -1 | 1): string[] {
  const from = columns.indexOf(name)
  const to = from + step
  if (from < 0 || to < 0 || to >= columns.length) return [...columns]
  return columns.with(from, columns[to] ?? name).with(to, name)
}

/** No column is worth an URL when they are the usual ones in their order. */
export function storedColumns(columns: readonly string[]): readonly string[] {
  return columns.join() === USUAL_COLUMNS.join() ? [] : columns
}

const WIDTHS: Readonly<Record<string, readonly [min: number, max: string]>> = {
  '@timestamp': [168, '168px'],
  response_code: [64, '64px'],
  http_method: [72, '72px'],
  request_uri: [160, '3fr'],
  request_uri_full: [160, '3fr'],
  api_version: [72, '0.6fr'],
  user_agent: [120, '2fr'],
  tags: [120, '2fr'],
}

/** `grid-template-columns` of a row, and the width in pixels below which the table scrolls sideways. */
export function gridOf(
  columns: readonly string[],
  isNumber: (name: string) => boolean,
): { template: string; minWidth: number } {
  const tracks = columns.map(
    (name): readonly [number, string] => WIDTHS[name] ?? (isNumber(name) ? [88, '88px'] : [96, '1fr']),
  )
  const gap = 12
  return {
    template: `28px ${tracks.map(([min, max]) => (max.endsWith('px') ? max : `minmax(${min}px, ${max})`)).join(' ')}`,
    minWidth: 28 + tracks.reduce((sum, [min]) => sum + min + gap, 0) + 24,
  }
}
