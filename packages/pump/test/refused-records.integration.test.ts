/** What real servers refuse, and what becomes of it. See support/engines.ts for which servers. */
import { analyticsKey, encodeRecord } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startPump } from '../../../test/support/pump.ts'
import { type RedisServer, startRedis } from '../../../test/support/redis.ts'
import { elasticsearchSink } from '../src/sinks/elasticsearch/index.ts'
import { createEngine, forEachEngine } from './support/engines.ts'
import { commandRunner, runHere } from './support/run-command.ts'
import { optionsOf } from './support/sink-options.ts'
import { keylessRecord, pumpRecord, sinkDeps } from './support/sink-records.ts'

const never = new AbortController().signal
const key = analyticsKey('msgpack')

/** More than a term may have. */
const IMMENSE = 'k'.repeat(40_000)
const RAW_50_MB = 'QUJD'.repeat(12_500_000)

type Changes = Parameters<typeof keylessRecord>[0]

interface Ready {
  readonly ready: boolean
  readonly sinks: { readonly ES: Readonly<Record<'taken' | 'delivered' | 'dead_lettered' | 'pending', number>> }
}

let server: RedisServer
let client: Redis
beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.port, { protocol: 2 })
})
afterAll(async () => {
  client.disconnect()
  await server.stop()
})
beforeEach(() => client.flushall())

let serial = 0

/** As a gateway pushes it. No two are alike. */
function element(changes: Changes = {}): Buffer {
  serial += 1
  return Buffer.from(encodeRecord(keylessRecord({ timestamp: { seconds: 1_790_000_000, nanos: serial }, ...changes })))
}

forEachEngine((engine, url) => {
  const es = createEngine(engine, url)
  const prefix = `tek_refused_${process.pid}_${Date.now()}`
  let indices = 0
  const newIndex = (): string => `${prefix}_${indices++}`
  afterAll(() => es.request('DELETE', `/${prefix}_*?allow_no_indices=true`))

  const startSink = (index: string) =>
    elasticsearchSink.create(
      optionsOf(elasticsearchSink.options, { elasticsearch_url: url, index_name: index, extended_stats: true }),
      sinkDeps(),
    )

  describe('a record whose field does not fit', () => {
    const MAPPING = {
      '@timestamp': { type: 'date' },
      api_version: { type: 'date' },
      oauth_id: { type: 'ip' },
      org_id: { type: 'long' },
      api_key: { type: 'keyword' },
      api_name: { type: 'text', fields: { raw: { type: 'keyword' } } },
      content_length: { type: 'byte' },
      tags: { type: 'long' },
    }
    const FITS = { apiVersion: '2021-01-01', oauthId: '10.0.0.1', orgId: '12', tags: ['1', '2'] }

    it('is stored with that field moved aside, and counted as every other', async () => {
      const index = newIndex()
      await es.create(index, MAPPING)
      const misfits: Changes[] = [
        { apiVersion: 'Non Versioned' },
        { oauthId: 'nobody' },
        { orgId: '1e99' },
        { apiKey: IMMENSE },
        { apiName: IMMENSE },
        { contentLength: 70_000 },
        { tags: ['key-00000000', 'api-httpbin'] },
        { apiVersion: 'Non Versioned', oauthId: 'nobody', tags: ['x'] },
      ]
      const batch = [{}, ...misfits, {}].map((changes, i) => {
        return pumpRecord(keylessRecord({ ...FITS, ...changes }), `id-${i}`)
      })
      const sink = startSink(index)
      expect(await sink.write(batch, never)).toEqual(batch.map(() => 'delivered'))
      expect(await sink.write(batch, never)).toEqual(batch.map(() => 'delivered'))
      await sink.close()
      expect(await es.count(index, 'response_code:200')).toBe(batch.length)
      expect(await es.count(index, '_exists_:quarantined.fields')).toBe(misfits.length)
      const hits = await es.search(index, '_exists_:quarantined.fields')
      const byId = new Map(hits.map(({ id, source }) => [id, source['quarantined'] as Record<string, string[]>]))
      expect([1, 2, 3, 4, 5, 6, 7].map((i) => byId.get(`id-${i}`)?.['fields'])).toEqual(
        ['api_version', 'oauth_id', 'org_id', 'api_key', 'api_name', 'content_length', 'tags'].map((name) => [name]),
      )
      expect(byId.get('id-8')?.['fields']?.toSorted()).toEqual(['api_version', 'oauth_id', 'tags'])
      const values = byId.get('id-4')?.['values'] ?? []
      expect(values.map((value, i) => value.slice(`api_key[${i}]=`.length)).join('')).toBe(IMMENSE)
      // What the record held is not in the reasons.
      expect(JSON.stringify(byId.get('id-4')?.['reasons'])).not.toContain('kkk')
    })

    it('is stored where every text is a keyword, and where the field is an object', async () => {
      const index = newIndex()
      const keywords = { match_mapping_type: 'string', mapping: { type: 'keyword' } }
      await es.create(
        index,
        { alias: { properties: { name: { type: 'text' } } } },
        { dynamic_templates: [{ keywords }] },
      )
      const sink = startSink(index)
      const batch = [pumpRecord(keylessRecord({ apiKey: IMMENSE }), 'a')]
      expect(await sink.write(batch, never)).toEqual(['delivered'])
      await sink.close()
      const [hit] = await es.search(index, '_id:a')
      expect(hit?.source['quarantined']).toMatchObject({
        fields: expect.arrayContaining(['alias', 'api_key']) as string[],
      })
    })

    it('is rejected with both reasons where the mapping takes no new field', async () => {
      const index = newIndex()
      await es.create(index, { ...MAPPING, api_id: { type: 'keyword' } }, { dynamic: 'strict' })
      const sink = startSink(index)
      const [verdict] = await sink.write([pumpRecord(keylessRecord(FITS), 'a')], never)
      await sink.close()
      expect(verdict).toMatchObject({ errorType: 'strict_dynamic_mapping_exception', index })
      expect((verdict as { rejected: string }).rejected).toMatch(
        /^400 strict\S+: .*\[alias\].*; with alias, http_method, .* moved aside: 400 strict/,
      )
    })

    it.each([
      ['is not looked into', { type: 'object', enabled: false }],
      ['takes new fields', { type: 'object', dynamic: true }],
    ])('is stored where the mapping takes no new field but below "quarantined", which %s', async (_, quarantined) => {
      const index = newIndex()
      const texts = ['alias', 'api_id', 'api_name', 'http_method', 'ip_address', 'raw_request', 'raw_response']
      const more = ['request_uri', 'request_uri_full', 'request_time_ms', 'response_code']
      const properties = [...texts, ...more].map((name) => [name, { type: 'keyword' }] as const)
      await es.create(index, { ...MAPPING, ...Object.fromEntries(properties), quarantined }, { dynamic: 'strict' })
      const sink = startSink(index)
      expect(await sink.write([pumpRecord(keylessRecord(FITS), 'a')], never)).toEqual(['delivered'])
      await sink.close()
      const [hit] = await es.search(index)
      expect(hit?.source['quarantined']).toMatchObject({ fields: ['user_agent'] })
    })
  })

  it('accounts for each of 1,000 records of which five are bad', { timeout: 240_000 }, async () => {
    const index = newIndex()
    await es.create(index, {
      '@timestamp': { type: 'date' },
      api_version: { type: 'date' },
      api_key: { type: 'keyword' },
    })
    const good = { apiVersion: '2021-01-01' }
    const records = Array.from({ length: 995 }, () => element(good))
    const bad = [
      Buffer.from('no record at all'),
      element({ ...good, rawRequest: RAW_50_MB }),
      element({ apiVersion: 'Non Versioned' }),
      element({ ...good, apiKey: IMMENSE }),
      // A time beyond what a date field takes, without which the document would be in no chart.
      element({ ...good, timestamp: { seconds: 400_000_000_000, nanos: 0 } }),
    ]
    for (const [i, one] of bad.entries()) records.splice(100 + 200 * i, 0, one)
    for (const record of records) await client.rpush(key, record)

    const meta = { elasticsearch_url: url, index_name: index, extended_stats: true }
    await using pump = await startPump({ redisPort: server.port, pumps: { es: { type: 'elasticsearch', meta } } })
    const ready = async (): Promise<Ready> => (await (await fetch(`${pump.healthUrl}/ready`)).json()) as Ready
    const expected = { taken: 1000, delivered: 998, dead_lettered: 2, pending: 0 }
    await eventually(async () => expect((await ready()).sinks.ES).toMatchObject(expected), 200_000, 200)
    expect(await es.count(index)).toBe(998)
    expect(await es.count(index, 'response_code:200')).toBe(998)
    expect(await es.count(index, 'quarantined.fields:api_version')).toBe(1)
    expect(await es.count(index, 'quarantined.fields:api_key')).toBe(1)

    const conf = {
      analytics_storage_config: { host: '127.0.0.1', port: server.port },
      pumps: { es: { type: 'elasticsearch', meta } },
    }
    const { output } = await runHere(['dead-letters', 'list', '--json'], conf)
    const letters = output.split('\n').filter((line) => line !== '')
    expect(letters.map((line) => JSON.parse(line) as object)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ sink: null, error_type: 'undecodable', raw_bytes: 16, source: key }),
        expect.objectContaining({
          sink: 'ES',
          index,
          record_time: '+014645-06-30T15:06:40.000Z',
          error_type: expect.stringMatching(/^(mapper|document)_parsing_exception$/) as string,
          reason: expect.stringContaining('failed to parse field [@timestamp] of type [date]') as string,
        }),
      ]),
    )
    expect(letters).toHaveLength(2)

    await client.rpush(key, element(good))
    await eventually(async () => expect(await es.count(index)).toBe(999))
    expect(await ready()).toMatchObject({ ready: true })
  })

  it('stores a record beyond what a request may have without its raw texts', { timeout: 120_000 }, async () => {
    const index = newIndex()
    const sink = startSink(index)
    const huge = pumpRecord(keylessRecord({ rawRequest: 'QUJD'.repeat(30_000_000) }), 'huge')
    // A server may close the connection after it has said no.
    await eventually(async () => expect(await sink.write([huge], never)).toEqual(['delivered']), 60_000)
    await sink.close()
    const [hit] = await es.search(index)
    expect(hit?.source).toMatchObject({
      api_id: 'httpbin',
      raw_request: '',
      quarantined: { fields: ['raw_request', 'raw_response'], reasons: [expect.stringMatching(/413|fails although/)] },
    })
  })

  it('keeps dead letters in an index, from which they can be listed, sent again and dropped', async () => {
    const index = newIndex()
    await es.create(index, { api_id: { type: 'keyword' } }, { dynamic: 'strict' })
    const meta = { elasticsearch_url: url, index_name: index }
    const conf = {
      analytics_storage_config: { host: '127.0.0.1', port: server.port },
      pumps: { es: { type: 'elasticsearch', meta } },
      dead_letters: { destination: 'elasticsearch' },
    }
    const letters = (...args: string[]) => runHere(['dead-letters', ...args], conf)
    await client.rpush(key, ...Array.from({ length: 5 }, () => element()))
    await using pump = await startPump({ redisPort: server.port, pumps: conf.pumps, conf })
    await eventually(async () => expect(await es.count(`dead-letters-${index}`)).toBe(5))
    expect(await es.count(`dead-letters-${index}`, 'error_type:strict_dynamic_mapping_exception AND sink:ES')).toBe(5)
    expect(await client.exists('{analytics-tyk-pump}:dead-letters')).toBe(0)

    const { output } = await letters('list')
    expect(output).toContain(`5 dead letters in the index dead-letters-${index}\n`)
    const [id = ''] = output.match(/^[0-9a-f]{12}/m) ?? []
    expect(JSON.parse((await letters('show', id)).output)).toMatchObject({ id, record: { api_id: 'httpbin' } })
    expect((await letters('drop', id, '--yes')).output).toContain('gave up 1 dead letter\n')
    expect(await es.count(`dead-letters-${index}`)).toBe(4)

    await es.request('DELETE', `/${index}`)
    expect((await letters('replay', '--all', '--yes')).output).toContain('put 4 dead letters back for ES')
    await eventually(async () => expect(await es.count(index)).toBe(4), 20_000)
    expect((await letters('list')).output).toBe('no dead letters\n')
    expect(pump.program.output()).not.toContain('dead letters cannot be kept as configured')
  })

  it('is sent each dead letter once when a replay is killed again and again', { timeout: 120_000 }, async () => {
    const [first, second] = [newIndex(), newIndex()]
    await es.create(first, { api_id: { type: 'keyword' } }, { dynamic: 'strict' })
    const count = 2_000
    const confOf = (index: string) => ({
      analytics_storage_config: { host: '127.0.0.1', port: server.port },
      pumps: { es: { type: 'elasticsearch', meta: { elasticsearch_url: url, index_name: index } } },
    })
    const list = '{analytics-tyk-pump}:dead-letters'
    await client.rpush(key, ...Array.from({ length: count }, () => element()))
    {
      await using _ = await startPump({ redisPort: server.port, ...confOf(first) })
      await eventually(async () => expect(await client.llen(list)).toBe(count), 60_000)
    }
    await using runner = await commandRunner(confOf(second))
    await using _ = await startPump({ redisPort: server.port, ...confOf(second) })
    for (let kills = 0, left = count; left > 0; left = await client.llen(list), kills++) {
      await using program = runner.start('dead-letters', 'replay', '--all', '--yes')
      const goal = Math.max(0, left - 1 - kills * 150)
      await eventually(async () => expect(await client.llen(list)).toBeLessThanOrEqual(goal), 20_000, 1)
      program.kill('SIGKILL')
      await program.exited()
    }
    await eventually(async () => expect(await client.keys('*lease*')).toEqual([]), 30_000)
    expect(await es.count(second)).toBe(count)
  })

  it('is walked by the check, which leaves nothing behind', async () => {
    const index = newIndex()
    const conf = {
      analytics_storage_config: { host: '127.0.0.1', port: server.port },
      pumps: { es: { type: 'elasticsearch', meta: { elasticsearch_url: url, index_name: index } } },
    }
    const { code, output } = await runHere(['check'], conf)
    expect(output).toMatch(/ES: find +ok +found by a query in the index/)
    expect(output).toMatch(/ES: remove +ok/)
    expect(code).toBe(0)
    expect(await es.count(index)).toBe(0)
  })
})
