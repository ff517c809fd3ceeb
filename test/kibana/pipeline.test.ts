/**
 * What the ingest pipeline of the pack does: it brings records of a flat index into the data stream, and finds places. Of
 * the test servers only OpenSearch has both data streams and ingest processors.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { elasticsearchSink } from '../../packages/pump/src/sinks/elasticsearch/index.ts'
import { createEngine, forEachEngine } from '../../packages/pump/test/support/engines.ts'
import { optionsOf } from '../../packages/pump/test/support/sink-options.ts'
import { pumpRecord, sinkDeps } from '../../packages/pump/test/support/sink-records.ts'
import { dataStream } from '../../scripts/kibana/forms.ts'
import { type Answer, emptyParts } from './support/answers.ts'
import { complaint, type Mapping, mappingOf } from './support/mapping.ts'
import { packFolder, readObjects, readTemplate } from './support/objects.ts'
import { requestOf, withTime } from './support/requests.ts'
import { dataStreamDocument, traffic, trafficTime } from './support/traffic.ts'

/** Addresses that the server's database, of 2019, has a city for. */
const PUBLIC_ADDRESSES = ['81.2.69.142', '200.160.2.3', '133.242.187.207']

/** What the flat document does not carry: no pipeline can make it. */
const UNKNOWN_TO_FLAT = new Set(['tyk.latency.upstream_ms', 'tyk.latency.gateway_ms', 'tyk.listen_path'])

forEachEngine((name, url) => {
  if (name !== 'opensearch2') {
    it('has no ingest processors here', () => expect(['6', '7', '8', '9']).toContain(name))
    return
  }
  const engine = createEngine(name, url)
  const id = randomUUID().replaceAll('-', '')
  const index = `logs-tyk.access-${id}`
  const flatIndex = `tek_pipeline_${id}`
  const located = `logs-tyk.access.${id}`
  const records = traffic((i) => (i % 2 === 0 ? PUBLIC_ADDRESSES[(i / 2) % PUBLIC_ADDRESSES.length] : undefined))
  // OpenSearch refuses the bounds of a map's grid, which Elasticsearch takes: panels.test.ts has the map.
  const requests = readObjects('data-stream')
    .flatMap((object) => requestOf(object, trafficTime) ?? [])
    .filter(({ fields }) => fields.every(({ use }) => use !== 'geo'))
  let mapping: Mapping

  const write = async (meta: Readonly<Record<string, unknown>>): Promise<void> => {
    const options = optionsOf(elasticsearchSink.options, { elasticsearch_url: url, ...meta })
    const sink = elasticsearchSink.create(options, sinkDeps())
    const batch = records.map((record, i) => pumpRecord(record, `panel-${i}`))
    const verdicts = await sink.write(batch, new AbortController().signal)
    await sink.close()
    expect(verdicts.filter((verdict) => verdict !== 'delivered')).toEqual([])
  }

  beforeAll(async () => {
    const pipeline = JSON.parse(readFileSync(join(packFolder, 'data-stream/ingest-pipeline.json'), 'utf8')) as object
    expect(await engine.request('PUT', '/_ingest/pipeline/tyk-access', pipeline)).toMatchObject({ status: 200 })
    const template = { ...readTemplate('data-stream'), index_patterns: [index] }
    expect(await engine.request('PUT', `/_index_template/${index}`, template)).toMatchObject({ status: 200 })

    await write({ index_name: flatIndex, extended_stats: true })
    await engine.request('POST', `/${flatIndex}/_refresh`)
    const moved = await engine.request('POST', '/_reindex?refresh=true', {
      source: { index: flatIndex },
      dest: { index, op_type: 'create', pipeline: 'tyk-access' },
    })
    expect(moved).toMatchObject({ status: 200, body: { created: records.length, failures: [] } })
    await engine.request('POST', `/${index}/_refresh`)
    mapping = await mappingOf(engine, index)
  })
  afterAll(async () => {
    await engine.request('DELETE', `/_data_stream/${index}`)
    await engine.request('DELETE', `/_index_template/${index}`)
    await engine.request('DELETE', `/${flatIndex}`)
    await engine.request('DELETE', `/_data_stream/${located}-default`)
    await engine.request('DELETE', `/_index_template/${located}`)
    for (const part of ['mappings', 'settings', 'custom']) {
      await engine.request('DELETE', `/_component_template/${located}@${part}`)
    }
    await engine.request('DELETE', '/_ingest/pipeline/tyk-access')
  })

  it('gives places to documents of the pump that have none, and leaves those that the gateway has found', async () => {
    const settings = { 'index.default_pipeline': 'tyk-access' }
    const custom = `/_component_template/${located}@custom`
    expect(await engine.request('PUT', custom, { template: { settings } })).toMatchObject({ status: 200 })
    await write({ data_stream: `${located}-default`, manage_index: true })
    await engine.request('POST', `/${located}-default/_refresh`)
    const countries = async (ip: string): Promise<string[]> => {
      const { body } = await engine.request('POST', `/${located}-default/_search`, {
        size: 0,
        query: { term: { 'client.ip': ip } },
        aggs: { by: { terms: { field: 'client.geo.country_iso_code' } } },
      })
      const { by } = (body as { aggregations: { by: { buckets: { key: string }[] } } }).aggregations
      return by.buckets.map(({ key }) => key).sort()
    }
    const known = (ip: string): string[] =>
      records.filter((record) => record.ipAddress === ip).map((record) => record.geo.country.isoCode)
    for (const [at, country] of ['GB', 'BR', 'JP'].entries()) {
      const ip = PUBLIC_ADDRESSES[at]!
      const wanted = known(ip).map((code) => (code === '' ? country : code))
      expect(await countries(ip), ip).toEqual([...new Set(wanted)].sort())
    }
  })

  it('stores documents in the form of the data stream', async () => {
    const [record] = records
    const sort = [{ '@timestamp': 'asc' }]
    const { body } = await engine.request('POST', `/${index}/_search`, { size: 1, sort, track_total_hits: true })
    const { hits } = body as { hits: { total: { value: number }; hits: { _source: Record<string, unknown> }[] } }
    expect(hits.total.value).toBe(records.length)
    const { client, tyk, url: address, event, http, tags, user_agent: agent } = dataStreamDocument(record!)
    expect(hits.hits[0]?._source).toMatchObject({
      event,
      http,
      tags,
      url: { path: address.path },
      user_agent: agent,
      client: { ip: client.ip, geo: { country_iso_code: 'GB', location: { lat: expect.any(Number) as number } } },
      tyk: { api: tyk.api, alias: tyk.alias, api_key: tyk.api_key, org_id: tyk.org_id },
    })
    expect(Object.keys(hits.hits[0]?._source ?? {}).filter((key) => /_(id|name|uri|code|key|ms)$/.test(key))).toEqual(
      [],
    )
  })

  it('maps the fields as the pack expects', () => {
    const kinds = Object.fromEntries(Object.keys(dataStream.kinds).map((field) => [field, mapping.get(field)?.type]))
    expect(kinds).toEqual(dataStream.kinds)
  })

  it.each(requests)('$name shows something, if the flat document has it', async (request) => {
    expect(request.fields.flatMap((use) => complaint(use, mapping))).toEqual([])
    const { status, body } = await engine.request(
      'POST',
      `/${index}/_search`,
      withTime(request, '@timestamp', trafficTime),
    )
    expect([status, body]).toMatchObject([200, {}])
    const measured = request.fields.filter(({ use }) => use === 'measure' || use === 'aggregate')
    if (measured.some(({ field }) => UNKNOWN_TO_FLAT.has(field))) return
    expect((body as Answer).hits.total.value).toBeGreaterThan(0)
    expect(emptyParts(request, body as Answer)).toEqual([])
  })
})
