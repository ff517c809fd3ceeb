import type * as Api from '../../api/schema.ts'
import { MOST_COUNTRIES, toCountries } from '../countries.ts'
import type { Answer, Question } from '../types.ts'
import type { Clause } from './compile.ts'
import type { Server } from './connection.ts'
import type { IndexFields } from './fields.ts'
import { findForm, timeClause } from './overview.ts'
import type { Search } from './search.ts'
import { readTop } from './tops.ts'

export async function readCountries(
  search: Search,
  { fromMs, toMs }: Question,
  filter: Clause,
  fields: IndexFields,
  server: Pick<Server, 'distribution'>,
): Promise<Answer<Omit<Api.Countries, 'range' | 'quality'>>> {
  // Nobody knows yet what an index will have that is not there.
  if (!fields.names.has('country')) return { available: fields.isEmpty, countries: [], partial: null }
  const form = await findForm(search, fields.exact('request_time_ms'), server, fromMs, toMs)
  const query = { bool: { filter: [timeClause(fromMs, toMs), filter] } }
  const { values, partial } = await readTop(
    (aggs) => search({ size: 0, track_total_hits: true, query, aggs }),
    'country',
    MOST_COUNTRIES,
    fields,
    form,
  )
  return {
    available: true,
    countries: toCountries(values),
    partial,
  }
}
