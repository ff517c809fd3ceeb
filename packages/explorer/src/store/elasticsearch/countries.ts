import type * as Api from '../../api/schema.ts'
import type { Answer, Question } from '../types.ts'
import type { Clause } from './compile.ts'
import type { Server } from './connection.ts'
import type { IndexFields } from './fields.ts'
import { findForm, timeClause } from './overview.ts'
import { partialityOf, type Search } from './search.ts'
import { readTop, topAggregations } from './tops.ts'

/** There are 249. */
const MOST_COUNTRIES = 300

export async function readCountries(
  search: Search,
  { fromMs, toMs }: Question,
  filter: Clause,
  fields: IndexFields,
  server: Pick<Server, 'distribution'>,
): Promise<Answer<Omit<Api.Countries, 'range' | 'quality'>>> {
  if (!fields.names.has('country')) return { available: false, countries: [], partial: null }
  const form = await findForm(search, fields.exact('request_time_ms'), server, fromMs, toMs)
  const answer = await search({
    size: 0,
    track_total_hits: true,
    query: { bool: { filter: [timeClause(fromMs, toMs), filter] } },
    aggs: topAggregations('country', MOST_COUNTRIES, fields, form),
  })
  const { values } = readTop(answer, 'country', MOST_COUNTRIES, form)
  return {
    available: true,
    countries: values.map(({ value: iso, count, clientErrors, serverErrors, p95Ms }) => ({
      iso,
      count,
      clientErrors,
      serverErrors,
      p95Ms,
    })),
    partial: partialityOf(answer),
  }
}
