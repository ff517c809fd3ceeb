import { describe, expect, it } from 'vitest'
import { type FakeElasticsearch, startFakeElasticsearch } from '../../../test/support/fake-elasticsearch.ts'
import { optionsOf } from '../../../test/support/sink-options.ts'
import { keylessRecord, numberedBatch, pumpRecord, sinkDeps } from '../../../test/support/sink-records.ts'
import { SinkUnavailableError } from '../../errors.ts'
import { elasticsearchSink } from './index.ts'

const never = new AbortController().signal

async function started(options: Readonly<Record<string, unknown>> = {}) {
  const target = await startFakeElasticsearch()
  const deps = sinkDeps()
  const meta = optionsOf(elasticsearchSink.options, { elasticsearch_url: target.url, ...options })
  const sink = elasticsearchSink.create(meta, deps)
  const dispose = async (): Promise<void> => {
    await sink.close()
    await target[Symbol.asyncDispose]()
  }
  return { target, sink, deps, [Symbol.asyncDispose]: dispose }
}

const conflict = (field: string) => ({
  status: 400,
  type: 'document_parsing_exception',
  reason: `[1:6] failed to parse field [${field}] of type [date] in document with id 'a'`,
})

const sourceOf = (target: FakeElasticsearch, id: string) => target.documents.find((one) => one.id === id)?.source

describe('a document that is refused for a field', () => {
  it('is stored under its id with the field moved aside, and its neighbours are sent once', async () => {
    await using it = await started()
    it.target.next({ items: { 1: conflict('api_version') } })
    expect(await it.sink.write(numberedBatch(3), never)).toEqual(['delivered', 'delivered', 'delivered'])
    expect(it.target.writes().map(({ body }) => body.split('\n').length)).toEqual([7, 3])
    const { api_version: _, ...others } = sourceOf(it.target, 'id-0') ?? {}
    expect(sourceOf(it.target, 'id-1')).toEqual({
      ...others,
      api_id: 'api1',
      quarantined: {
        fields: ['api_version'],
        values: ['api_version=Non Versioned'],
        reasons: [expect.stringContaining('failed to parse field [api_version] of type [date]')],
      },
    })
    expect(it.deps.lines).toContainEqual(
      expect.objectContaining({
        level: 40,
        field: 'api_version',
        index: 'tyk_analytics',
        msg: expect.stringContaining('refuses part') as string,
      }),
    )
  })

  it('is stored with several fields moved aside when it is refused for one after the other', async () => {
    await using it = await started()
    it.target.next(...['alias', 'tags', 'api_name'].map((field) => ({ items: { 0: conflict(field) } })))
    expect(await it.sink.write(numberedBatch(1), never)).toEqual(['delivered'])
    expect(sourceOf(it.target, 'id-0')).toMatchObject({ quarantined: { fields: ['alias', 'tags', 'api_name'] } })
  })

  it('is stored the same way by single requests', async () => {
    await using it = await started({ disable_bulk: true })
    it.target.next({ status: 400, body: { error: conflict('alias') } })
    expect(await it.sink.write(numberedBatch(1), never)).toEqual(['delivered'])
    expect(sourceOf(it.target, 'id-0')).toMatchObject({ quarantined: { fields: ['alias'] } })
  })

  it('is rejected with both reasons when it is refused without the field as well', async () => {
    await using it = await started()
    const strict = { status: 400, type: 'strict_dynamic_mapping_exception' }
    const reason = '[1:9] mapping set to strict, dynamic introduction of [quarantined] within [_doc] is not allowed'
    it.target.next({ items: { 0: conflict('alias') } }, { items: { 0: { ...strict, reason } } })
    const [verdict] = await it.sink.write(numberedBatch(1), never)
    expect(verdict).toMatchObject({
      rejected: `400 document_parsing_exception: ${conflict('alias').reason}; with alias moved aside: 400 ${strict.type}: ${reason}`,
      errorType: 'document_parsing_exception',
    })
    expect(it.target.writes()).toHaveLength(2)
  })

  it('is rejected at once when it cannot be without the field, or has none of that name', async () => {
    await using it = await started()
    it.target.next({ items: { 0: conflict('@timestamp'), 1: conflict('copied_to') } })
    const verdicts = await it.sink.write(numberedBatch(3), never)
    expect(verdicts.map((verdict) => typeof verdict)).toEqual(['object', 'object', 'string'])
    expect(it.target.writes()).toHaveLength(1)
  })

  it('is sent again from the beginning when the server fails meanwhile', async () => {
    await using it = await started()
    it.target.next({ items: { 1: conflict('alias') } }, { status: 503 })
    expect(await it.sink.write(numberedBatch(2), never)).toEqual(['delivered', 'retry'])
    it.target.next({ items: { 0: conflict('alias') } })
    expect(await it.sink.write(numberedBatch(2).slice(1), never)).toEqual(['delivered'])
    expect(it.target.documents.map(({ id }) => id)).toEqual(['id-0', 'id-1'])
  })

  it('is sent in smaller requests when the moved fields make them too large', async () => {
    await using it = await started()
    it.target.next({ items: { 0: conflict('alias'), 1: conflict('alias'), 2: conflict('alias') } }, { status: 413 })
    expect(await it.sink.write(numberedBatch(3), never)).toEqual(Array(3).fill('delivered'))
    expect(it.target.documents).toHaveLength(3)
  })
})

describe('a document that is too large', () => {
  const RAW_FIELDS = ['raw_request', 'raw_response']
  const large = (size: number) => pumpRecord(keylessRecord({ rawRequest: 'QUJD'.repeat(size / 4) }), 'large')

  it.each([
    ['one request per record', { disable_bulk: true }],
    ['a bulk request', {}],
  ])('says in its place that the raw texts were left out, with %s', async (_, options) => {
    await using it = await started({ extended_stats: true, ...options })
    it.target.next({ status: 413 })
    expect(await it.sink.write([large(100)], never)).toEqual(['delivered'])
    expect(sourceOf(it.target, 'large')).toMatchObject({
      raw_request: '',
      quarantined: {
        fields: ['raw_request', 'raw_response'],
        reasons: ['Elasticsearch refused the request as too large (413)'],
      },
    })
  })

  it('goes without its raw texts when the parser says so, or the item', async () => {
    await using it = await started({ extended_stats: true })
    const reason = 'String value length (50000001) exceeds the maximum allowed (50000000)'
    it.target.next({ items: { 0: { status: 400, type: 'x_content_parse_exception', reason }, 1: { status: 413 } } })
    const batch = [large(100), pumpRecord(large(100).record, 'other'), ...numberedBatch(1)]
    expect(await it.sink.write(batch, never)).toEqual(['delivered', 'delivered', 'delivered'])
    expect(it.target.writes()).toHaveLength(2)
    expect(sourceOf(it.target, 'other')).toMatchObject({ raw_request: '' })
  })

  it('is not sent whole again when the server closes the connection on its other form', async () => {
    for (const options of [{}, { disable_bulk: true }]) {
      await using it = await started({ extended_stats: true, ...options })
      it.target.next({ status: 413 }, { reset: true })
      expect(await it.sink.write([large(100)], never)).toEqual(['retry'])
      expect(await it.sink.write([large(100)], never)).toEqual(['delivered'])
      expect(it.target.writes()).toHaveLength(3)
      expect(sourceOf(it.target, 'large')).toMatchObject({ raw_request: '' })
    }
  })

  it.each([{}, { disable_bulk: true }])(
    'goes without its raw texts once it failed twice alone while the server answers, with %j',
    async (options) => {
      await using it = await started({ extended_stats: true, ...options })
      const batch = [large(9_000_000)]
      for (const scripted of [{ status: 429 }, { reset: true }] as const) {
        it.target.next(scripted)
        await expect(it.sink.write(batch, never)).rejects.toBeInstanceOf(SinkUnavailableError)
      }
      expect(await it.sink.write(batch, never)).toEqual(['delivered'])
      expect(sourceOf(it.target, 'large')).toMatchObject({
        raw_request: '',
        quarantined: { fields: ['raw_request', 'raw_response'] },
      })
    },
  )

  it('goes without its raw texts once the server wanted it later twice', async () => {
    await using it = await started({ extended_stats: true })
    const busy = {
      items: { 0: { status: 429, type: 'es_rejected_execution_exception', reason: 'all_bytes=50000288' } },
    }
    it.target.next(busy, busy)
    expect(await it.sink.write([large(9_000_000)], never)).toEqual(['retry'])
    expect(await it.sink.write([large(9_000_000)], never)).toEqual(['retry'])
    expect(await it.sink.write([large(9_000_000)], never)).toEqual(['delivered'])
    expect(sourceOf(it.target, 'large')).toMatchObject({ raw_request: '', quarantined: { fields: RAW_FIELDS } })
  })

  it('keeps its raw texts through an outage, however long', async () => {
    await using it = await started({ extended_stats: true })
    const batch = [large(9_000_000)]
    await it.sink.check(never)
    await it.target.away(true)
    for (let i = 0; i < 5; i++) await expect(it.sink.write(batch, never)).rejects.toBeInstanceOf(SinkUnavailableError)
    await it.target.away(false)
    expect(await it.sink.write(batch, never)).toEqual(['delivered'])
    expect(sourceOf(it.target, 'large')).not.toHaveProperty('quarantined')
  })
})
