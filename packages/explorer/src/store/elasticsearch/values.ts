import type * as Api from '../../api/schema.ts'
import type { Field } from '../../fields.ts'
import { anyCase } from './any-case.ts'
import type { Clause } from './compile.ts'
import type { IndexFields } from './fields.ts'
import type { Found } from './numbers.ts'
import type { SearchAnswer } from './search.ts'

export const MOST_VALUES = 20
/** Numbers cannot be asked for by their first digits. */
const MOST_NUMBERS = 1000
/** Each may take four of the 1000 of a pattern (index.max_regex_length). What is behind them is compared here. */
const MOST_PREFIX_CHARACTERS = 240

/** The most frequent values that begin with a text, whatever its letter case. */
export function valuesBody(field: Field, prefix: string, where: readonly Clause[], fields: IndexFields): object {
  const isNumber = field.kind === 'number' || field.kind === 'boolean'
  const terms = {
    field: fields.exact(field.name),
    size: isNumber ? MOST_NUMBERS : MOST_VALUES,
    order: [{ _count: 'desc' }, { _key: 'asc' }],
    ...(!isNumber &&
      prefix !== '' && { include: `${anyCase(Array.from(prefix).slice(0, MOST_PREFIX_CHARACTERS).join(''))}.*` }),
  }
  return { size: 0, track_total_hits: false, query: { bool: { filter: where } }, aggs: { values: { terms } } }
}

export function readValues(answer: SearchAnswer, prefix: string): Api.Values['values'] {
  const buckets = (answer.aggregations?.['values']?.['buckets'] ?? []) as readonly (Found & {
    readonly key: string | number
    readonly key_as_string?: string
  })[]
  return buckets
    .map(({ key, key_as_string: text, doc_count: count }) => ({ value: text ?? String(key), count }))
    .filter(({ value }) => value !== '' && value.toLowerCase().startsWith(prefix.toLowerCase()))
    .slice(0, MOST_VALUES)
}
