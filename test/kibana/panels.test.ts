/**
 * Every chart, table, search and map of both packs, asked of a real Elasticsearch as Kibana would ask: the fields are
 * there and of the right kind, and each has something to show. Rules and objectives likewise.
 */
import { randomUUID } from 'node:crypto'
import type { AnalyticsRecord } from '@tek/analytics-record'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { elasticsearchSink } from '../../packages/pump/src/sinks/elasticsearch/index.ts'
import { createEngine, type Engine, forEachEngine } from '../../packages/pump/test/support/engines.ts'
import { optionsOf } from '../../packages/pump/test/support/sink-options.ts'
import { pumpRecord, sinkDeps } from '../../packages/pump/test/support/sink-records.ts'
import { dataStream, flat, type Form } from '../../scripts/kibana/forms.ts'
import { type Answer, bucketsOf, emptyParts, filterCounts } from './support/answers.ts'
import { matches, parseKql, type Query, toElasticsearch } from './support/kql.ts'
import { complaint, type Mapping, mappingOf } from './support/mapping.ts'
import { readObjects, readPayloads, readTemplate } from './support/objects.ts'
import { requestOf, withTime } from './support/requests.ts'
import { dataStreamDocument, traffic, trafficTime } from './support/traffic.ts'

type Document = Readonly<Record<string, unknown>>

/** Of Kibana's versions: 7.17, 8 and 9. The others are no home for a Kibana that the pack can go to. */
const ENGINES = new Set(['7', '8', '9'])
/** Those of the test engines that have data streams. */
const DATA_STREAMS = new Set(['8', '9'])

const records = traffic()

forEachEngine((name, url) => {
  if (!ENGINES.has(name)) {
    it('is none of a Kibana that the pack is for', () => expect(['6', 'opensearch2']).toContain(name))
    return
  }
  const engine = createEngine(name, url)
  describe('an index that Elasticsearch maps by itself', () => {
    describeForm(flat, engine, 'tek_panels_dynamic', (index) => writeFlat(url, index))
  })
  describe('an index by the template', () => {
    describeForm(flat, engine, 'tek_panels_by_template', async (index) => {
      await putTemplate(engine, 'flat', index)
      return writeFlat(url, index)
    })
  })
  describe('an index that the pump manages', () => {
    describeForm(flat, engine, 'tek_panels_managed', async (index) => {
      await writeBySink({ elasticsearch_url: url, index_name: index, manage_index: true })
      return records.map(flatDocument)
    })
  })
  if (DATA_STREAMS.has(name)) {
    // Streams of one dataset share their templates, which other tests on this server have, too.
    const stream = `logs-tyk.access.${randomUUID().replaceAll('-', '')}-default`
    describeForm(dataStream, engine, stream, (index) => writeDataStream(url, index))
  }
})

function describeForm(form: Form, engine: Engine, index: string, write: (index: string) => Promise<Document[]>): void {
  describe(`the pack ${form.name}`, () => {
    const requests = readObjects(form.name).flatMap((object) => requestOf(object, trafficTime) ?? [])
    let documents: Document[] = []
    let mapping: Mapping

    const remove = async (): Promise<void> => {
      await engine.request('DELETE', `/${index}`)
      await engine.request('DELETE', `/_index_template/${index}`)
    }
    beforeAll(async () => {
      await remove()
      documents = await write(index)
      await engine.request('POST', `/${index}/_refresh`)
      mapping = await mappingOf(engine, index)
    })
    afterAll(remove)

    const search = async (body: object): Promise<Answer> => {
      const { status, body: answer } = await engine.request('POST', `/${index}/_search`, body)
      expect(answer, JSON.stringify(body)).not.toHaveProperty('error')
      expect(status).toBe(200)
      return answer as Answer
    }
    const countOf = (query: Query): number =>
      documents.filter((document) => matches(query, (field) => valuesOf(document, field))).length

    it('finds all of the traffic', async () => {
      expect(documents).toHaveLength(records.length)
      expect((await search({ track_total_hits: true })).hits.total.value).toBe(records.length)
    })

    it('knows the kinds of the fields as Elasticsearch has mapped them', () => {
      const kinds = Object.fromEntries(Object.keys(form.kinds).map((field) => [field, mapping.get(field)?.type]))
      expect(kinds).toEqual(form.kinds)
    })

    it.each(requests)('$name has its fields', ({ fields }) => {
      expect(fields.flatMap((use) => complaint(use, mapping))).toEqual([])
    })

    it.each(requests)('$name shows what was sent', async (request) => {
      const answer = await search(withTime(request, form.fields.time, trafficTime))
      expect(answer.hits.total.value).toBe(countOf(request.query))
      expect(answer.hits.total.value).toBeGreaterThan(0)
      if (request.body['size'] !== 0) expect(answer.hits.hits.length).toBeGreaterThan(0)
      expect(emptyParts(request, answer)).toEqual([])
    })

    it.each(requests)('$name counts in its filters what was sent', async (request) => {
      const answer = await search(withTime(request, form.fields.time, trafficTime))
      for (const { path, counted, query } of filterCounts(request, answer)) {
        expect(counted, path).toBe(countOf({ kind: 'and', parts: [request.query, query] }))
      }
    })

    it.each(readPayloads(form.name, 'rules.json'))('the rule $body.name sees the traffic', async ({ body }) => {
      const params = body['params'] as Record<string, unknown>
      expect(params['index'] ?? []).toEqual([form.index])
      expect(mapping.get(params['timeField'] as string)?.type).toBe('date')
      if (body['rule_type_id'] === '.es-query') {
        const { query } = JSON.parse(params['esQuery'] as string) as { query: object }
        const { status, body: valid } = await engine.request('POST', `/${index}/_validate/query`, { query })
        expect([status, valid]).toMatchObject([200, { valid: true }])
        expect((await search({ size: 0, query, track_total_hits: true })).hits.total.value).toBeGreaterThan(0)
        return
      }
      const { termField: field, aggField, termSize: size } = params
      const slow = { avg: { field: aggField } }
      const answer = await search({
        size: 0,
        aggs: { by: { terms: { field, size, order: { slow: 'desc' } }, aggs: { slow } } },
      })
      expect(bucketsOf(answer.aggregations?.['by'])).not.toEqual([])
      expect(complaint({ field: field as string, use: 'aggregate' }, mapping)).toEqual([])
      expect(complaint({ field: aggField as string, use: 'measure' }, mapping)).toEqual([])
    })

    it.each(readPayloads(form.name, 'slos.json'))(
      'the objective $body.name has good and other requests',
      async ({ body }) => {
        const { params } = body['indicator'] as { params: Record<string, string> }
        const hits = async (kql: string): Promise<number> => {
          const query = parseKql(kql)
          const { hits: found } = await search({ size: 0, query: toElasticsearch(query), track_total_hits: true })
          expect(found.total.value).toBe(countOf(query))
          return found.total.value
        }
        const [good, total] = [await hits(params['good']!), await hits(params['total']!)]
        expect(good).toBeGreaterThan(0)
        expect(total).toBeGreaterThan(good)
        expect(params['index']).toBe(form.index)
        expect(mapping.get(body['groupBy'] as string)?.aggregatable).toBe(true)
      },
    )
  })
}

/** Into an index of the template that is there, or that Elasticsearch maps by itself. */
async function writeFlat(url: string, index: string): Promise<Document[]> {
  await writeBySink({ elasticsearch_url: url, index_name: index })
  return records.map(flatDocument)
}

/** Into a data stream that the pump sets up; a new one, for the test engines cannot delete it. */
async function writeDataStream(url: string, stream: string): Promise<Document[]> {
  await writeBySink({ elasticsearch_url: url, data_stream: stream, manage_index: true })
  return records.map(dataStreamDocument)
}

/** By the pump's own sink. */
async function writeBySink(meta: Readonly<Record<string, unknown>>): Promise<void> {
  const sink = elasticsearchSink.create(optionsOf(elasticsearchSink.options, meta), sinkDeps())
  const verdicts = await sink.write(
    records.map((record, i) => pumpRecord(record, `panel-${i}`)),
    new AbortController().signal,
  )
  await sink.close()
  expect(verdicts.filter((verdict) => verdict !== 'delivered')).toEqual([])
}

/** The template of a pack, for this index alone: other tests use the server, too. */
async function putTemplate(engine: Engine, pack: string, index: string): Promise<void> {
  const own = { ...readTemplate(pack), index_patterns: [index] }
  expect(await engine.request('PUT', `/_index_template/${index}`, own)).toMatchObject({ status: 200 })
}

/** What the sink is known to write, for counting by other means than Elasticsearch. */
function flatDocument(record: AnalyticsRecord): Document {
  return {
    '@timestamp': record.timestamp.seconds,
    alias: record.alias,
    api_id: record.apiId,
    api_key: record.apiKey,
    api_name: record.apiName,
    api_version: record.apiVersion,
    content_length: record.contentLength,
    http_method: record.method,
    ip_address: record.ipAddress,
    oauth_id: record.oauthId,
    org_id: record.orgId,
    request_time_ms: record.requestTime,
    request_uri: record.path,
    response_code: record.responseCode,
    tags: record.tags,
  }
}

/** `a.b.c` in nested objects; `.keyword` is the text itself. */
function valuesOf(document: Document, field: string): unknown[] {
  const path = field.replace(/\.keyword$/, '').split('.')
  const value = path.reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], document)
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]
}
