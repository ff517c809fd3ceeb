import { readFile, readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { analyticsKey } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { type RedisServer, freePort, startRedis } from '../../../test/support/redis.ts'
import { createRedisStore } from '../src/dead-letters/index.ts'
import { SinkUnavailableError } from '../src/errors.ts'
import { deadLetterKeys, leaseKeys } from '../src/lease/index.ts'
import { startFakeElasticsearch } from './support/fake-elasticsearch.ts'
import { commandRunner, runHere } from './support/run-command.ts'
import { elements, runPump } from './support/run-pump.ts'
import { createTestSink } from './support/test-sink.ts'

const key = analyticsKey('msgpack')

let server: RedisServer
let client: Redis
let noPump: number
beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.port, { protocol: 2 })
  noPump = await freePort()
})
afterAll(async () => {
  client.disconnect()
  await server.stop()
})
beforeEach(async () => {
  await client.flushall()
  await client.config('RESETSTAT')
})

interface Step {
  readonly step: string
  readonly sink: string | null
  readonly status: string
  readonly detail: string
  readonly cure: string | null
}

const conf = (more: object = {}) => ({
  analytics_storage_config: { host: '127.0.0.1', port: server.port },
  health_check_endpoint_port: noPump,
  pumps: { dummy: { type: 'dummy' } },
  ...more,
})

async function check(more: object = {}): Promise<{ code: number | string; steps: Step[] }> {
  const { code, output } = await runHere(['check', '--json'], conf(more))
  const lines = output.split('\n').filter((line) => line !== '')
  return { code, steps: lines.map((line) => JSON.parse(line) as Step) }
}

const stepOf = (steps: readonly Step[], name: string, sink: string | null = null): Step | undefined =>
  steps.find((one) => one.step === name && one.sink === sink)

const statuses = (steps: readonly Step[], sink: string): Record<string, string> =>
  Object.fromEntries(steps.filter((one) => one.sink === sink).map(({ step, status }) => [step, status]))

/** Everything in Redis, but for what a check may change: nothing. */
async function contents(): Promise<Record<string, string | undefined>> {
  const names = (await client.keys('*')).toSorted()
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, (await client.dump(name)) ?? undefined])),
  )
}

const elasticsearch = (url: string, more: object = {}) => ({
  pumps: { es: { type: 'elasticsearch', meta: { elasticsearch_url: url, index_name: 'traffic' }, ...more } },
})

describe('the check of a whole stack', () => {
  it('finds its record in every sink that can be asked, takes it out again, and ends with 0', async () => {
    await using es = await startFakeElasticsearch()
    await using runner = await commandRunner(
      conf({
        pumps: {
          ...elasticsearch(es.url).pumps,
          csv: { type: 'csv', meta: { csv_dir: 'csv' } },
          file: { type: 'sql', meta: { type: 'sqlite', connection_string: 'a.sqlite', table_sharding: true } },
          out: { type: 'stdout', meta: { format: 'json' } },
        },
      }),
    )
    const { code, output } = await runner.run('check')
    for (const line of [
      /^config +ok +.*pump\.conf; sinks ES \(elasticsearch\), CSV \(csv\), FILE \(sql\), OUT \(stdout\)$/m,
      /^redis +ok +Redis \S+ at 127\.0\.0\.1:\d+ database 0$/m,
      /^lease +ok /m,
      /^ES: find +ok +found by a query in the index traffic$/m,
      /^ES: remove +ok /m,
      /^CSV: find +ok +found by a query in .*\.csv$/m,
      /^CSV: remove +skipped +it stays there, with tek-check as api_id$/m,
      /^FILE: find +ok +found by a query in table tyk_analytics_\d{8} of .*a\.sqlite$/m,
      /^FILE: remove +ok /m,
      /^OUT: write +ok /m,
      /^OUT: find +skipped +accepted; this sink cannot be asked/m,
    ]) {
      expect(output).toMatch(line)
    }
    expect(output).toMatch(
      /A record gets from Redis to every sink\. Look at "gateway", "pump" if nothing shows up\.\n$/,
    )
    expect(code).toBe(0)
    expect(es.documents).toEqual([])
    expect(es.writes().some(({ body }) => body.includes('tek-check'))).toBe(true)
    expect(await client.keys('*')).toEqual([])
    const [csv = ''] = await readdir(join(runner.dir, 'csv'))
    expect((await readFile(join(runner.dir, 'csv', csv), 'utf8')).match(/^GET,tek-check,/gm)).toHaveLength(1)
    const file = new DatabaseSync(join(runner.dir, 'a.sqlite'), { readOnly: true })
    const [table] = file.prepare("SELECT name FROM sqlite_master WHERE name GLOB 'tyk_analytics_????????'").all()
    expect(file.prepare(`SELECT count(*) AS count FROM "${String(table?.['name'])}"`).get()).toEqual({ count: 0 })
    file.close()
  })

  it('touches no record that waits, in a list or in a lease', async () => {
    const away = createTestSink('a')
    away.answer = () => Promise.reject(new SinkUnavailableError('away'))
    await client.rpush(key, ...elements(5))
    {
      await using _ = await runPump({ redisPort: server.port, sinks: [away], timings: { returnWithinMs: -1 } })
      await eventually(() => expect(away.batches.length).toBeGreaterThan(0))
    }
    await client.rpush(key, ...elements(3, 5))
    await client.pexpire(key, 3_600_000)
    const before = await contents()
    const { steps } = await check()
    expect(await contents()).toEqual(before)
    expect(await client.pttl(key)).toBeGreaterThan(3_000_000)
    expect(stepOf(steps, 'list')).toMatchObject({ detail: expect.stringContaining('3 records wait in') as string })
    expect(stepOf(steps, 'backlog')?.detail).toContain('5 records wait for A')
  })

  it('prints nothing but JSON with --json', async () => {
    await using runner = await commandRunner(conf({ pumps: { out: { type: 'stdout', meta: { format: 'json' } } } }))
    const { output } = await runner.run('check', '--json')
    const lines = output.split('\n').filter((line) => line.startsWith('{"step"'))
    expect(lines.map((line) => Object.keys(JSON.parse(line) as object).join())).toEqual(
      lines.map(() => 'step,sink,status,detail,cure'),
    )
  })
})

describe('the check of the configuration', () => {
  it.each([
    ['a value that is none', { purge_delay: 'soon' }, /purge_delay .*expected an integer, got "soon"/],
    ['no sink', { pumps: {} }, /no sink is configured/],
    ['sinks of unknown types only', { pumps: { x: { type: 'mongo' } } }, /no sink is configured: .*mongo Not found/],
    ['options that cannot work', { pumps: { x: { type: 'sql', meta: { type: 'mysql' } } } }, /pumps\.X\.meta: .*mysql/],
  ])('ends at %s and says what to correct', async (_name, more, detail) => {
    const { code, steps } = await check(more)
    expect(code).toBe(1)
    expect(steps).toEqual([expect.objectContaining({ step: 'config', status: 'failed' })])
    expect(steps[0]?.detail).toMatch(detail)
    expect(steps[0]?.cure).not.toBeNull()
  })

  it('warns of keys that mean nothing', async () => {
    const { steps } = await check({ purge_dealy: 1 })
    expect(stepOf(steps, 'config')).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining('purge_dealy') as string,
    })
  })
})

describe('the check of Redis', () => {
  it('walks the sinks although Redis is away', async () => {
    const storage = { host: '127.0.0.1', port: await freePort() }
    const { code, steps } = await check({ analytics_storage_config: storage })
    expect(code).toBe(1)
    expect(stepOf(steps, 'redis')).toMatchObject({
      status: 'failed',
      detail: `127.0.0.1:${storage.port} database 0: connect ECONNREFUSED 127.0.0.1:${storage.port}`,
      cure: expect.stringContaining('TYK_PMP_ANALYTICSSTORAGECONFIG_HOST') as string,
    })
    expect(stepOf(steps, 'lease')?.status).toBe('skipped')
    expect(stepOf(steps, 'write', 'DUMMY')?.status).toBe('ok')
  })

  it('says which key holds the password when it is wrong', async () => {
    await using locked = await startRedis({ args: ['--requirepass', 'pw'] })
    const { steps } = await check({ analytics_storage_config: { host: '127.0.0.1', port: locked.port } })
    expect(stepOf(steps, 'redis')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('NOAUTH') as string,
      cure: expect.stringContaining('analytics_storage_config.username and password') as string,
    })
  })

  it('says that nothing can be taken from a replica', async () => {
    await using replica = await startRedis({ args: ['--replicaof', '127.0.0.1', `${server.port}`] })
    const { steps } = await check({ analytics_storage_config: { host: '127.0.0.1', port: replica.port } })
    expect(stepOf(steps, 'redis')).toMatchObject({
      status: 'failed',
      cure: expect.stringContaining('master') as string,
    })
  })

  it('warns when Redis may evict records', async () => {
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru')
    const { code, steps } = await check()
    await client.config('SET', 'maxmemory-policy', 'noeviction')
    expect(code).toBe(0)
    expect(stepOf(steps, 'redis')).toMatchObject({
      status: 'warning',
      cure: expect.stringContaining('noeviction') as string,
    })
  })

  it('says what to do when Redis is full', async () => {
    await client.config('SET', 'maxmemory', '1')
    const { code, steps } = await check()
    await client.config('SET', 'maxmemory', '0')
    expect(code).toBe(1)
    expect(stepOf(steps, 'redis')?.status).toBe('warning')
    expect(stepOf(steps, 'lease')).toMatchObject({
      status: 'failed',
      cure: expect.stringContaining('maxmemory') as string,
    })
  })

  it('walks a cluster, on which dead letters are sent again as well', async () => {
    await using node = await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] })
    const direct = new Redis(node.port, { protocol: 2 })
    await direct.cluster('ADDSLOTSRANGE', 0, 16383)
    await eventually(async () => expect(await direct.cluster('INFO')).toContain('cluster_state:ok'))
    const storage = { addrs: [`127.0.0.1:${node.port}`], enable_cluster: true }
    const { code, steps } = await check({ analytics_storage_config: storage })
    expect(steps.filter(({ status }) => status === 'failed')).toEqual([])
    expect(stepOf(steps, 'lease')?.status).toBe('ok')
    expect(code).toBe(0)

    const store = createRedisStore({
      client: direct,
      keys: deadLetterKeys('analytics-'),
      maxEntries: 10,
      maxBytes: 1e6,
    })
    const source = { key, serialisation: 'msgpack' as const }
    const raw = elements(1)[0] ?? Buffer.alloc(0)
    const letter = { raw, source, sink: 'DUMMY', reason: 'no', errorType: 'x', index: null }
    await store.push([letter], new AbortController().signal)
    const { output } = await runHere(
      ['dead-letters', 'replay', '--all', '--yes'],
      conf({ analytics_storage_config: storage }),
    )
    expect(output).toContain('put 1 dead letter back for DUMMY')
    expect(await direct.keys('*replay-*')).toHaveLength(2)
    direct.disconnect()
  })

  it('says what a user of Redis lacks', async () => {
    await client.call('ACL', 'SETUSER', 'few', 'on', '>pw', '~*', '+@all', '-@scripting')
    const storage = { host: '127.0.0.1', port: server.port, username: 'few', password: 'pw' }
    const { steps } = await check({ analytics_storage_config: storage })
    await client.call('ACL', 'DELUSER', 'few')
    expect(steps.find(({ status }) => status === 'failed')).toMatchObject({
      detail: expect.stringContaining('NOPERM') as string,
      cure: expect.stringContaining('+@all') as string,
    })
  })
})

describe('the check of the gateway', () => {
  it('says that none has started here', async () => {
    const { steps } = await check()
    expect(stepOf(steps, 'gateway')).toMatchObject({
      status: 'warning',
      detail: 'no gateway has started on this Redis database',
      cure: expect.stringContaining('storage.host') as string,
    })
  })

  it('says that one has started and written nothing', async () => {
    await client.set('version-check-gateway', 'v5.14.0')
    expect(stepOf((await check()).steps, 'gateway')).toMatchObject({
      status: 'warning',
      detail: 'gateway v5.14.0 has started here, and no record was written since Redis started',
      cure: expect.stringContaining('enable_analytics') as string,
    })
    await client.rpush(key, ...elements(1))
    await client.del(key)
    expect(stepOf((await check()).steps, 'gateway')).toMatchObject({ status: 'ok' })
    await client.rpush(key, ...elements(1))
    expect(stepOf((await check()).steps, 'gateway')).toMatchObject({ detail: 'gateway v5.14.0 writes records' })
  })

  it('finds records in another database, and a gateway', async () => {
    const other = new Redis(server.port, { protocol: 2, db: 3 })
    await other.set('version-check-gateway', 'v5.14.0')
    const first = stepOf((await check()).steps, 'gateway')
    await other.rpush(analyticsKey('protobuf', 4), ...elements(1))
    const second = stepOf((await check()).steps, 'gateway')
    other.disconnect()
    expect(first).toMatchObject({
      status: 'warning',
      detail: expect.stringMatching(/^a gateway has started in database 3 /) as string,
    })
    expect(second).toMatchObject({
      detail: `records lie in ${analyticsKey('protobuf', 4)} in database 3 of this Redis, and this pump reads database 0`,
      cure: expect.stringContaining('analytics_storage_config.database to 3') as string,
    })
  })

  it('finds records under the prefix that gateways use', async () => {
    await client.rpush(key, ...elements(1))
    const { steps } = await check({
      analytics_storage_config: { host: '127.0.0.1', port: server.port, key_prefix: 'other-' },
    })
    expect(stepOf(steps, 'gateway')).toMatchObject({
      status: 'warning',
      detail: `records lie in ${key}, and this pump reads lists that begin with other-`,
      cure: expect.stringContaining('key_prefix') as string,
    })
  })
})

describe('the check of lists and pumps', () => {
  /** Something that answers where a pump is configured. */
  async function answering(paths: Readonly<Record<string, string>>) {
    const http = createServer((request, response) => {
      const body = paths[request.url ?? '']
      response.writeHead(body === undefined ? 404 : 200).end(body ?? '404 page not found\n')
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    http.listen(0, '127.0.0.1', () => resolve())
    await promise
    const { port } = http.address() as AddressInfo
    return { port, [Symbol.dispose]: () => void http.close() }
  }

  it('says when records expire that no pump takes', async () => {
    await client.rpush(key, ...elements(1))
    await client.expire(key, 60)
    const { code, steps } = await check()
    expect(code).toBe(0)
    expect(stepOf(steps, 'list')).toMatchObject({
      status: 'warning',
      detail: expect.stringMatching(/^1 record waits in \S+, which Redis deletes in (59|60) s$/) as string,
      cure: expect.stringContaining('Start the pump before that') as string,
    })
    expect(stepOf(steps, 'pump')).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining('no pump answers') as string,
    })
  })

  it('finds the pump that runs, and tells how its sinks are', async () => {
    const sink = createTestSink('a')
    await using running = await runPump({ redisPort: server.port, sinks: [sink] })
    const more = { health_check_endpoint_port: running.pump.healthPort }
    await eventually(async () => expect(stepOf((await check(more)).steps, 'pump')?.status).toBe('ok'))
    sink.answer = () => Promise.reject(new SinkUnavailableError('disk full'))
    await client.rpush(key, ...elements(1))
    await eventually(async () => {
      expect(stepOf((await check(more)).steps, 'pump')).toMatchObject({
        status: 'warning',
        detail: expect.stringContaining('not ready: A failing: disk full') as string,
      })
    })
  })

  it("recognises Tyk's pump by what it does not answer, and by the version it leaves", async () => {
    using other = await answering({ '/health': '{"status": "ok"}' })
    await client.set('version-check-pump', 'v1.16.0')
    const { steps } = await check({ health_check_endpoint_port: other.port })
    expect(stepOf(steps, 'pump')).toMatchObject({
      status: 'warning',
      detail: expect.stringMatching(
        /is no pump of this project; the pump that started last on this Redis is v1\.16\.0/,
      ) as string,
      cure: expect.stringContaining('stop one of the two') as string,
    })
  })

  it('says when records were written and the pump that runs has got none', async () => {
    const idle = { ready: true, redis: { status: 'up' }, sinks: { A: { status: 'ok', taken: 0 } } }
    using pump = await answering({ '/health': '{"status": "ok"}', '/ready': JSON.stringify(idle) })
    const more = { health_check_endpoint_port: pump.port }
    expect(stepOf((await check(more)).steps, 'pump')).toMatchObject({ status: 'ok' })
    await client.rpush(key, ...elements(1))
    await client.del(key)
    expect(stepOf((await check(more)).steps, 'pump')).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining('has taken nothing, although records were written') as string,
    })
  })

  it('says what waits for sinks that are not configured, and what was refused', async () => {
    const [gone, picky] = [createTestSink('gone'), createTestSink('picky')]
    gone.answer = () => Promise.reject(new SinkUnavailableError('away'))
    await client.rpush(key, ...elements(2))
    {
      await using _ = await runPump({ redisPort: server.port, sinks: [gone, picky], timings: { returnWithinMs: -1 } })
      await eventually(() => expect(picky.paths()).toHaveLength(2))
      await eventually(() => expect(gone.batches.length).toBeGreaterThan(0))
    }
    const store = createRedisStore({ client, keys: deadLetterKeys('analytics-'), maxEntries: 10, maxBytes: 1e6 })
    const source = { key, serialisation: 'msgpack' as const }
    const letter = { raw: Buffer.from('x'), source, sink: 'ES', reason: '400 no', errorType: 'x', index: null }
    await store.push([letter], new AbortController().signal)
    const { steps, code } = await check()
    expect(code).toBe(0)
    expect(stepOf(steps, 'backlog')).toMatchObject({
      status: 'warning',
      detail: '2 records wait for GONE; GONE is not configured',
      cure: expect.stringContaining('leases release --sink=NAME') as string,
    })
    expect(stepOf(steps, 'dead letters')).toMatchObject({
      status: 'warning',
      detail: '1, the newest of ES: 400 no',
      cure: expect.stringContaining('dead-letters list') as string,
    })
  })

  describe('with records in files', () => {
    const spill = (id: string, more: object): Promise<number> => {
      const entry = { state: 'spilled', token: 't', folder: 'f1', place: 'host:/spill', total: 20, bytes: 900 }
      return client.hset(leaseKeys(key).spilled, id, JSON.stringify({ ...entry, offsets: { DUMMY: 5 }, ...more }))
    }

    it('counts them, and says that no pump has their folder', async () => {
      await spill('a~1', {})
      await spill('b~1', { offsets: { DUMMY: 0, GONE: 19 } })
      expect(stepOf((await check()).steps, 'backlog')).toMatchObject({
        status: 'warning',
        detail:
          '35 records wait for DUMMY, 1 record waits for GONE, 36 of them in files; no running pump has folder host:/spill, with 2 spilled segments',
        cure: expect.stringContaining('spill_dir') as string,
      })
    })

    it('says when files are missing', async () => {
      await spill('a~1', { missing: 1_700_000_000 })
      await spill('b~1', {})
      expect(stepOf((await check()).steps, 'backlog')).toMatchObject({
        status: 'warning',
        detail:
          '30 records wait for DUMMY, 30 of them in files; 15 records are in files that are missing from their folders',
        cure: expect.stringContaining('leases list') as string,
      })
    })
  })

  it.each([
    ['a file', 'pump.conf', /pump\.conf is no folder/],
    ['below a file', 'pump.conf/below', /pump\.conf is no folder/],
  ])('refuses a spill_dir that is %s, as the start does', async (_, folder, why) => {
    const cap = { policy: 'spill', max_bytes: 1_000_000, spill_dir: folder }
    const { steps, code } = await check({ lease_cap: cap })
    expect(code).toBe(1)
    expect(stepOf(steps, 'config')).toMatchObject({
      status: 'failed',
      detail: expect.stringMatching(why) as string,
    })
    expect(stepOf(steps, 'config')?.detail).toContain('lease_cap.spill_dir (TYK_PMP_LEASECAP_SPILLDIR)')
  })

  it('makes no folder for spilled records', async () => {
    await using runner = await commandRunner(conf({ lease_cap: { policy: 'spill', max_bytes: 1e6, spill_dir: 'new' } }))
    expect((await runner.run('check')).code).toBe(0)
    expect(await readdir(runner.dir)).not.toContain('new')
  })
})

describe('the check of a sink', () => {
  it('ends at a target that is away, and says which option to look at', async () => {
    const { code, steps } = await check(elasticsearch(`http://127.0.0.1:${await freePort()}`))
    expect(code).toBe(1)
    expect(statuses(steps, 'ES')).toEqual({ reach: 'failed' })
    expect(stepOf(steps, 'reach', 'ES')).toMatchObject({
      detail: expect.stringContaining('ECONNREFUSED') as string,
      cure: expect.stringMatching(/elasticsearch_url.*\(pumps\.ES\.meta\)/) as string,
    })
  })

  it('ends at credentials that are refused', async () => {
    await using es = await startFakeElasticsearch({ rootStatus: 401 })
    expect(stepOf((await check(elasticsearch(es.url))).steps, 'reach', 'ES')).toMatchObject({
      status: 'failed',
      cure: expect.stringContaining('auth_basic_username') as string,
    })
  })

  it('ends at a record that is refused, with the reason', async () => {
    await using es = await startFakeElasticsearch()
    es.refuse('tek-check')
    const { code, steps } = await check(elasticsearch(es.url))
    expect(code).toBe(1)
    expect(statuses(steps, 'ES')).toEqual({ reach: 'ok', write: 'failed' })
    expect(stepOf(steps, 'write', 'ES')).toMatchObject({
      detail: '400 document_parsing_exception: scripted document_parsing_exception',
      cure: expect.stringContaining('mapping') as string,
    })
  })

  it('warns when a field had to be moved aside', async () => {
    await using es = await startFakeElasticsearch()
    const reason = 'failed to parse field [alias] of type [date]'
    es.next({ items: { 0: { status: 400, type: 'mapper_parsing_exception', reason } } })
    const { steps } = await check(elasticsearch(es.url))
    expect(statuses(steps, 'ES')).toEqual({ reach: 'ok', write: 'warning', find: 'ok', remove: 'ok' })
    expect(stepOf(steps, 'write', 'ES')?.detail).toContain(reason)
  })

  it('ends at a record that is accepted and not found', async () => {
    await using es = await startFakeElasticsearch({ search: 'blind' })
    const { code, steps } = await check(elasticsearch(es.url))
    expect(code).toBe(1)
    expect(stepOf(steps, 'find', 'ES')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('accepted, and not found in the index traffic') as string,
      cure: expect.stringContaining('ingest pipelines') as string,
    })
  })

  it('passes by what credentials do not let it see', async () => {
    await using es = await startFakeElasticsearch({ search: 'forbidden' })
    const { code, steps } = await check(elasticsearch(es.url))
    expect(code).toBe(0)
    expect(statuses(steps, 'ES')).toMatchObject({ write: 'ok', find: 'skipped' })
    expect(stepOf(steps, 'find', 'ES')?.detail).toContain('may write but not search')
  })

  it('walks a data stream that it sets up, and says what it may not set up', async () => {
    await using es = await startFakeElasticsearch()
    const meta = { elasticsearch_url: es.url, data_stream: 'logs-tyk.access-default', manage_index: true }
    const pumps = { es: { type: 'elasticsearch', meta } }
    const { steps } = await check({ pumps })
    expect(statuses(steps, 'ES')).toEqual({ reach: 'ok', write: 'ok', find: 'ok', remove: 'ok' })
    expect(es.documents).toEqual([])

    es.templates.forbid(/_template/)
    const other = { ...meta, data_stream: 'logs-tyk.other-default' }
    const refused = await check({ pumps: { es: { type: 'elasticsearch', meta: other } } })
    expect(refused.code).toBe(1)
    expect(statuses(refused.steps, 'ES')).toEqual({ reach: 'ok', write: 'failed' })
    expect(stepOf(refused.steps, 'write', 'ES')?.detail).toContain('the cluster privilege manage_index_templates')
  })

  it('says which records a filter lets through, and writes as the sink is configured', async () => {
    await using es = await startFakeElasticsearch()
    es.next({ items: { 0: { status: 400, type: 'x', reason: 'no' } } })
    const filters = { api_ids: ['a', 'b'], skip_response_codes: [404] }
    const { steps } = await check(elasticsearch(es.url, { filters, ignore_fields: ['host', 'api_name'] }))
    expect(stepOf(steps, 'filters', 'ES')?.detail).toContain(
      'only records with api_ids a, b; not response_codes 404 get',
    )
    expect(es.writes()[0]?.body).toContain('"api_id":"tek-check","api_key":"00000000","api_name":""')
  })
})
