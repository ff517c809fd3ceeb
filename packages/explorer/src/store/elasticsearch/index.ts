/**
 * The store over Elasticsearch 7.10 and newer, or OpenSearch: Tyk's flat documents in `tyk_analytics*` with the mapping that the
 * server chooses by itself, the data stream of the pump, or both. The overview and the errors take several searches, every other
 * view takes one or two.
 *
 * What the documents lack is not made up: flat ones have no latency of gateway and upstream apart, and no countries.
 */
import type * as Api from '../../api/schema.ts'
import { FIELDS, findField } from '../../fields.ts'
import { rawMessage } from '../raw-message.ts'
import { type PageQuestion, type Question, type Store, StoreUnavailableError } from '../types.ts'
import { type Clause, compileQuery } from './compile.ts'
import { createConnection, type ConnectionOptions } from './connection.ts'
import { readCountries } from './countries.ts'
import { readErrors } from './errors.ts'
import { type IndexFields, readIndexFields } from './fields.ts'
import { readOverview, timeClause } from './overview.ts'
import { nextPage, pageBody, readPage } from './requests.ts'
import { storedValue, toRow } from './rows.ts'
import { partialityOf, search, type SearchAnswer } from './search.ts'
import { readValues, valuesBody } from './values.ts'

export interface ElasticsearchOptions extends ConnectionOptions {
  /** Name, alias or pattern; several separated by commas. */
  readonly index: string
  /** The store stops by itself after so long, with what it has. */
  readonly timeoutMs: number
}

/** A field that appears with the first record that has it is seen after this long. */
const FIELDS_KNOWN_MS = 10_000

/** Of rows with whole messages fewer are in memory at a time. */
const ROWS_WITH_RAW = 50
const isRaw = (name: string): boolean => findField(name)?.kind === 'text'

/** @throws When the file of the certificate authority cannot be read. */
export function createElasticsearchStore(options: ElasticsearchOptions): Store {
  const connection = createConnection(options)
  const index = options.index
    .split(',')
    .map((name) => encodeURIComponent(name.trim()))
    .join(',')
  let known: { readonly fields: IndexFields; readonly atMs: number } | null = null

  const indexFields = async (signal: AbortSignal): Promise<IndexFields> => {
    if (known === null || Date.now() - known.atMs > FIELDS_KNOWN_MS) {
      known = { fields: await readIndexFields(connection, index, FIELDS, signal), atMs: Date.now() }
    }
    return known.fields
  }
  const ask = (body: object, signal: AbortSignal): Promise<SearchAnswer> =>
    // Before the deadline above, so that a part of the truth comes in place of none.
    search(connection, index, body, Math.ceil(options.timeoutMs * 0.9), signal)

  const prepare = async (question: Question, signal: AbortSignal): Promise<{ filter: Clause; fields: IndexFields }> => {
    const fields = await indexFields(signal)
    return { filter: compileQuery(question.query, fields), fields }
  }
  const whereOf = ({ fromMs, toMs }: Question, filter: Clause): Clause[] => [timeClause(fromMs, toMs), filter]

  return {
    kind: 'elasticsearch',
    target: `${new URL(options.url).host} ${options.index}`,

    fields: async (signal) => (await indexFields(signal)).names,

    async extent(signal) {
      const aggs = { first: { min: { field: '@timestamp' } }, last: { max: { field: '@timestamp' } } }
      const answer = await ask({ size: 0, track_total_hits: true, aggs }, signal)
      const time = (name: string): number | null =>
        (answer.aggregations?.[name] as { value?: number | null } | undefined)?.value ?? null
      return { records: answer.hits.total?.value ?? 0, oldestMs: time('first'), newestMs: time('last') }
    },

    async overview(question, signal) {
      const { filter, fields } = await prepare(question, signal)
      const server = await connection.server(signal)
      return readOverview((body) => ask(body, signal), question, filter, fields, server)
    },

    async requests(question, signal) {
      const { filter, fields } = await prepare(question, signal)
      const bounded = withBoundedSize(question)
      return readPage(await ask(pageBody(bounded, filter, fields, { withTraffic: true }), signal), bounded)
    },

    async request(id, signal) {
      const answer = await ask({ size: 1, track_total_hits: false, query: { ids: { values: [id] } } }, signal)
      const hit = answer.hits.hits[0]
      const partial = partialityOf(answer)
      // It may be on what did not answer.
      if (hit === undefined && partial !== null) throw new StoreUnavailableError(partial)
      if (hit === undefined) return null
      const { names } = await indexFields(signal)
      const columns = FIELDS.filter(({ name, kind }) => kind !== 'text' && names.has(name)).map(({ name }) => name)
      const raw = (name: string): Api.RawMessage | null => {
        const field = findField(name)
        return field === undefined ? null : rawMessage(storedValue(hit._source ?? {}, field))
      }
      return { row: toRow(hit, columns), rawRequest: raw('raw_request'), rawResponse: raw('raw_response') }
    },

    async errors(question, signal) {
      const { filter, fields } = await prepare(question, signal)
      return readErrors((body) => ask(body, signal), question, filter, fields)
    },

    async countries(question, signal) {
      const { filter, fields } = await prepare(question, signal)
      const server = await connection.server(signal)
      return readCountries((body) => ask(body, signal), question, filter, fields, server)
    },

    async values(question, name, prefix, signal) {
      const { filter, fields } = await prepare(question, signal)
      const field = findField(name)
      if (field === undefined || !fields.names.has(name)) return { values: [], partial: null }
      const answer = await ask(valuesBody(field, prefix, whereOf(question, filter), fields), signal)
      return { values: readValues(answer, prefix), partial: partialityOf(answer) }
    },

    async *rows(question, signal) {
      const { filter, fields } = await prepare(question, signal)
      const whole = withBoundedSize(question)
      let after: string | null = null
      do {
        const page: PageQuestion = after === null ? whole : { ...whole, after }
        const answer = await ask(pageBody(page, filter, fields, { withTraffic: false }), signal)
        const { hits } = answer.hits
        const next = nextPage(hits, page)
        const lacks = partialityOf(answer) ?? next.lost
        // What ends without an error is taken for the whole.
        if (lacks !== null) throw new StoreUnavailableError(lacks)
        if (hits.length > 0) yield hits.slice(0, page.size).map((hit) => toRow(hit, page.columns))
        after = next.after
      } while (after !== null)
    },

    close: () => connection.close(),
  }
}

function withBoundedSize<Q extends { readonly size: number; readonly columns: readonly string[] }>(question: Q): Q {
  return question.columns.some(isRaw) ? { ...question, size: Math.min(question.size, ROWS_WITH_RAW) } : question
}
