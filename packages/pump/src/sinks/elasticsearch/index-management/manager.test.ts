import { describe, expect, it } from 'vitest'
import { type FakeOptions, startFakeElasticsearch } from '../../../../test/support/fake-elasticsearch.ts'
import { optionsOf } from '../../../../test/support/sink-options.ts'
import { keylessRecord, numberedBatch, pumpRecord, sinkDeps } from '../../../../test/support/sink-records.ts'
import { SinkOptionError, SinkRefusedError, SinkUnavailableError } from '../../../errors.ts'
import { createConnection } from '../connection.ts'
import { elasticsearchSink } from '../index.ts'
import { compileSettings } from '../settings.ts'
import { createIndexManager } from './manager.ts'

const never = new AbortController().signal
const STREAM = 'logs-tyk.access-default'

type Meta = Readonly<Record<string, unknown>>

async function started(meta: Meta = {}, server: FakeOptions = {}) {
  const target = await startFakeElasticsearch(server)
  const dispose: (() => Promise<void>)[] = []
  /** Another pump, later or at the same time, with its own options. */
  const startSink = (more: Meta = {}) => {
    const deps = sinkDeps()
    const options = { elasticsearch_url: target.url, manage_index: true, ...meta, ...more }
    const sink = elasticsearchSink.create(optionsOf(elasticsearchSink.options, options), deps)
    dispose.push(() => sink.close())
    const said = (text: string) => deps.lines.filter(({ msg }) => String(msg).includes(text))
    return { sink, said, lines: deps.lines }
  }
  const first = startSink()
  return {
    ...first,
    target,
    startSink,
    things: target.templates.things,
    puts: () =>
      target.requests.filter(({ method, url }) => method === 'PUT' && url.startsWith('/_')).map(({ url }) => url),
    async [Symbol.asyncDispose]() {
      await Promise.all(dispose.map((close) => close()))
      await target[Symbol.asyncDispose]()
    },
  }
}

const write = (it: { sink: { write: (batch: never, signal: AbortSignal) => Promise<unknown> } }, id = 'a') =>
  it.sink.write([pumpRecord(keylessRecord(), id)] as never, never)

const FLAT_TEMPLATE = '/_index_template/tyk_analytics'
const PATTERNS = ['tyk_analytics', 'tyk_analytics-0*', 'tyk_analytics-1*', 'tyk_analytics-2*']

const YEAR = new Date().getUTCFullYear()
/** Days of the index in requests for people. */
const RECENT = `tyk_analytics-${YEAR - 1}.*.*,tyk_analytics-${YEAR}.*.*`

describe('manage_index', () => {
  it('is off by default: nothing is asked and nothing is made', async () => {
    await using it = await started({ manage_index: false })
    await it.sink.write(numberedBatch(3), never)
    expect(it.target.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['GET /', 'POST /_bulk'])
  })

  it('installs the template before the first record, once for all writes', async () => {
    await using it = await started()
    await Promise.all([write(it, 'a'), write(it, 'b'), it.sink.write(numberedBatch(2), never)])
    await write(it, 'c')
    expect(it.puts()).toEqual([FLAT_TEMPLATE])
    const seen = it.target.requests.map(({ url }) => url)
    expect(seen.indexOf('/_bulk')).toBeGreaterThan(seen.indexOf(FLAT_TEMPLATE))
    expect(it.things.get(FLAT_TEMPLATE)).toMatchObject({
      index_patterns: PATTERNS,
      priority: 50,
      template: {
        mappings: {
          date_detection: false,
          properties: { '@timestamp': { type: 'date' }, response_code: { type: 'long' } },
        },
      },
      _meta: { managed_by: 'tek-pump' },
    })
  })

  it('asks nothing at the start', async () => {
    await using it = await started()
    expect(it.target.requests).toEqual([])
  })

  it.each([
    ['7.5.2', '/_template/tyk_analytics', PATTERNS],
    ['6.8.6', '/_template/tyk_analytics', PATTERNS],
    ['5.6.16', '/_template/tyk_analytics', undefined],
  ])('uses the templates that version %s has', async (version, path, patterns) => {
    await using it = await started({ document_type: 'hit' }, { version })
    await write(it)
    await write(it.startSink(), 'b')
    expect(it.puts()).toEqual([path])
    const template = it.things.get(path) as { mappings: Record<string, object> }
    expect(template).toMatchObject(patterns ? { index_patterns: patterns } : { template: 'tyk_analytics*' })
    expect(Object.keys(template.mappings).includes('hit')).toBe(version !== '7.5.2')
  })

  it('looks again after an outage, and installs what is gone', async () => {
    await using it = await started()
    await write(it)
    it.things.clear()
    await write(it, 'b')
    expect(it.things.size).toBe(0)
    await it.target.away(true)
    await expect(write(it, 'c')).rejects.toBeInstanceOf(SinkUnavailableError)
    await it.target.away(false)
    await write(it, 'c')
    expect(it.puts()).toEqual([FLAT_TEMPLATE, FLAT_TEMPLATE])
  })

  it('writes without the template where that is refused, and says so once with the cure', async () => {
    await using it = await started()
    it.target.templates.forbid(/_index_template\/|_template\//)
    for (const id of ['a', 'b']) expect(await write(it, id)).toEqual(['delivered'])
    await it.target.away(true)
    await expect(write(it, 'c')).rejects.toThrow('connection failed')
    await it.target.away(false)
    expect(await write(it, 'c')).toEqual(['delivered'])
    expect(it.said('template not installed')).toMatchObject([
      {
        level: 40,
        reason: expect.stringMatching(/^403: security_exception: .*manage_index_templates.*MANAGEINDEX/) as string,
      },
    ])
  })

  it('tries again after five minutes what was refused', async () => {
    await using it = await started()
    const deps = sinkDeps()
    const options = optionsOf(elasticsearchSink.options, { elasticsearch_url: it.target.url, manage_index: true })
    const connection = createConnection(compileSettings(options, deps, deps.log), deps.log)
    let time = 0
    const manager = createIndexManager(options, connection, deps.log, () => time)
    it.target.templates.forbid(/_index_template/)
    await manager?.ready(never)
    it.target.templates.forbid(null)
    time = 299_999
    expect(manager?.ready(never)).toBeUndefined()
    time = 300_000
    await manager?.ready(never)
    expect(it.puts()).toEqual([FLAT_TEMPLATE])
    time = 900_000
    expect(manager?.ready(never)).toBeUndefined()
    await connection.close()
  })

  it('holds up no write that is given up meanwhile', async () => {
    await using it = await started()
    await expect(it.sink.write(numberedBatch(1), AbortSignal.abort())).rejects.toBeInstanceOf(SinkUnavailableError)
    expect(await write(it)).toEqual(['delivered'])
  })

  it('sends the batch again while the server is too busy to answer', async () => {
    await using it = await started()
    it.target.templates.forbid(/_index_template/, 503)
    await expect(write(it)).rejects.toBeInstanceOf(SinkUnavailableError)
    it.target.templates.forbid(null)
    expect(await write(it)).toEqual(['delivered'])
    expect(it.puts()).toEqual([FLAT_TEMPLATE])
  })

  it('writes without the template when the server goes on failing at it and takes records', async () => {
    await using it = await started()
    it.target.templates.forbid(/_index_template/, 503)
    for (let attempt = 0; attempt < 2; attempt++) await expect(write(it)).rejects.toThrow('503')
    expect(await write(it)).toEqual(['delivered'])
    expect(await write(it, 'b')).toEqual(['delivered'])
    expect(it.said('records go on without it')).toMatchObject([
      { level: 40, reason: expect.stringContaining('503') as string },
    ])
  })

  it('leaves a template that somebody has edited, or made before', async () => {
    await using it = await started()
    await write(it)
    const template = it.things.get(FLAT_TEMPLATE) as { template: object }
    const edited = { ...template, template: { ...template.template, settings: { number_of_shards: 3 } } }
    it.things.set(FLAT_TEMPLATE, edited)
    const later = it.startSink()
    await write(later, 'b')
    expect(later.said('left as it is')).toMatchObject([
      { level: 30, reason: expect.stringContaining('edited') as string },
    ])
    it.things.set(FLAT_TEMPLATE, { index_patterns: ['x'] })
    const third = it.startSink()
    await write(third, 'c')
    expect(third.said('left as it is')).toMatchObject([{ reason: expect.stringContaining('there before') as string }])
    expect(it.things.get(FLAT_TEMPLATE)).toEqual({ index_patterns: ['x'] })
  })

  it('brings up to date what it has installed with other options', async () => {
    await using it = await started()
    await write(it)
    const later = it.startSink({ mcp_index_name: 'mcp' })
    await write(later, 'b')
    expect(later.said('brought up to date')).toHaveLength(1)
    expect(it.things.get(FLAT_TEMPLATE)).toMatchObject({
      index_patterns: [...PATTERNS, 'mcp', 'mcp-0*', 'mcp-1*', 'mcp-2*'],
    })
  })

  it('leaves what a newer pump has installed', async () => {
    await using it = await started()
    await write(it)
    const template = it.things.get(FLAT_TEMPLATE) as { _meta: object }
    it.things.set(FLAT_TEMPLATE, { ...template, _meta: { ...template._meta, version: 99 } })
    const later = it.startSink({ mcp_index_name: 'mcp' })
    await write(later, 'b')
    expect(later.said('left as it is')).toMatchObject([{ reason: expect.stringContaining('newer') as string }])
  })

  it('is for indices of the sink only, so that several sinks are managed side by side', async () => {
    await using it = await started({ mcp_index_name: 'mcp' })
    await write(it)
    const others = it.startSink({ index_name: 'tyk_analytics_eu', mcp_index_name: 'mcp' })
    await write(others, 'b')
    const third = it.startSink({ index_name: 'mcp', mcp_index_name: '' })
    await write(third, 'c')
    for (const { said } of [it, others, third]) expect(said('not installed')).toEqual([])
    expect(it.puts()).toEqual([FLAT_TEMPLATE, '/_index_template/tyk_analytics_eu'])
    // Both have the index of MCP calls, and no two templates may.
    expect(it.things.get('/_index_template/tyk_analytics_eu')).toMatchObject({
      index_patterns: PATTERNS.map((pattern) => pattern.replace('analytics', 'analytics_eu')),
    })
    expect(it.target.templates.makerOf('tyk_analytics-archive-1')).toMatchObject({ makesStream: false })
  })

  it('is beside that of a sink whose index name looks like a rollover of the other', async () => {
    await using it = await started({ index_name: 'tyk_analytics-2' })
    await write(it)
    const other = it.startSink({ index_name: 'tyk_analytics' })
    await write(other, 'b')
    expect(other.said('not installed')).toEqual([])
    expect(it.puts()).toEqual(['/_index_template/tyk_analytics-2', FLAT_TEMPLATE])
  })

  it('takes the place of the older template of a pump on the server before its upgrade', async () => {
    await using before = await started({}, { version: '6.8.6' })
    await write(before)
    const older = before.things.get('/_template/tyk_analytics') as { mappings: { tyk_analytics: object } }
    await using it = await started()
    // An upgrade takes the mapping type away.
    it.things.set('/_template/tyk_analytics', { ...older, mappings: older.mappings.tyk_analytics })
    await write(it)
    expect(it.said('not installed')).toEqual([])
    expect([...it.things.keys()]).toEqual([FLAT_TEMPLATE])
  })

  it('leaves the older template of a pump that somebody has edited', async () => {
    await using before = await started({}, { version: '7.5.2' })
    await write(before)
    const older = before.things.get('/_template/tyk_analytics')
    await using it = await started()
    it.things.set('/_template/tyk_analytics', { ...older, settings: { number_of_shards: 3 } })
    await write(it)
    expect(it.said('not installed')).toMatchObject([
      { reason: expect.stringContaining('the older template tyk_analytics covers') as string },
    ])
    expect(it.puts()).toEqual([])
  })

  it.each([
    ['opensearch', '/_index_template/tyk_analytics'],
    ['8', '/_index_template/tyk_analytics'],
    ['6', '/_template/tyk_analytics'],
  ])('goes by the configured version %s where the server does not say its own', async (version, path) => {
    await using it = await started({ version }, { rootStatus: 403 })
    await write(it)
    expect(it.puts()).toEqual([path])
  })

  it.each(['/_index_template/mine', '/_template/mine'])('does not come over %s that covers the index', async (path) => {
    await using it = await started()
    it.things.set(path, { index_patterns: ['tyk_*'] })
    it.things.set('/_template/other', { index_patterns: ['tyk_analytics-other', 'b*'] })
    expect(await write(it)).toEqual(['delivered'])
    expect(it.puts()).toEqual([])
    expect(it.said('not installed')).toMatchObject([
      { reason: expect.stringContaining('template mine covers') as string },
    ])
  })
})

describe('retention_days of rolling_index', () => {
  const daily = { rolling_index: true, retention_days: 7 }
  const POLICY = '/_ilm/policy/tyk_analytics'
  const FOLLOWED = ['tyk_analytics-2020.01.01', 'tyk_analytics-2026.11.29', 'mcp-2099.12.31']
  const NOT_FOLLOWED = [
    'tyk_analytics',
    'tyk_analytics-000001',
    'tyk_analytics-2',
    'tyk_analytics-2-2026.11.29',
    'tyk_analytics-2026-2026.11.29',
    'tyk_analytics_eu-2026.11.29',
    'dead-letters-tyk_analytics',
    'dead-letters-mcp',
  ]
  const SETTINGS = `PUT /${RECENT}/_settings {"index.lifecycle.name":"tyk_analytics"}`

  it('installs a policy that deletes an index when its last record is old enough, and names it for the days only', async () => {
    await using it = await started({ ...daily, mcp_index_name: 'mcp' })
    await write(it)
    await write(it.startSink(), 'b')
    expect(it.puts()).toEqual([POLICY, FLAT_TEMPLATE])
    expect(it.things.get(POLICY)).toMatchObject({
      policy: { phases: { delete: { min_age: '8d', actions: { delete: {} } } } },
    })
    const { policy } = it.things.get(POLICY) as { policy: { phases: object } }
    expect(Object.keys(policy.phases)).toEqual(['delete'])
    const lifecycleOf = (index: string) => it.target.templates.makerOf(index).lifecycle
    expect(FOLLOWED.map(lifecycleOf)).toEqual(FOLLOWED.map(() => 'tyk_analytics'))
    expect(NOT_FOLLOWED.map(lifecycleOf)).toEqual(NOT_FOLLOWED.map(() => undefined))
    expect(it.target.documents.map(({ index }) => index)).toEqual([
      'tyk_analytics-2020.01.10',
      'tyk_analytics-2020.01.10',
    ])
  })

  it('says once that days of before follow no policy, and how they will', async () => {
    await using it = await started(daily)
    await write(it)
    expect(it.said('installed').map(({ what, reason }) => [what, reason])).toEqual([
      ['the lifecycle policy tyk_analytics', `indices of days before follow no policy, until ${SETTINGS}`],
      ['the index template tyk_analytics', undefined],
    ])
    const later = it.startSink()
    await write(later, 'b')
    expect(later.said('index management')).toEqual([])
  })

  it.each(['8.19.0', '7.10.2', '6.8.6'])(
    'goes with the option: longer, and not at all any more (%s)',
    async (version) => {
      await using it = await started(daily, { version })
      await write(it)
      const longer = it.startSink({ retention_days: 30 })
      await write(longer, 'b')
      expect(longer.said('left')).toEqual([])
      expect(it.things.get(POLICY)).toMatchObject({ policy: { phases: { delete: { min_age: '31d' } } } })
      await write(it.startSink({ retention_days: 0, rolling_index: false }), 'c')
      expect(it.things.get(POLICY)).toMatchObject({ policy: { phases: { hot: { min_age: '0ms', actions: {} } } } })
      expect(JSON.stringify([...it.things])).not.toMatch(/"delete"|index\.lifecycle\.name/)
      const again = it.startSink({ retention_days: 0, rolling_index: false })
      await write(again, 'd')
      expect([...again.said('up to date'), ...again.said('left')]).toEqual([])
      const back = it.startSink()
      await write(back, 'e')
      expect(back.said('left')).toEqual([])
      expect(it.things.get(POLICY)).toMatchObject({ policy: { phases: { delete: { min_age: '8d' } } } })
    },
  )

  it.each([
    ['7.10.2', '/_index_template/tyk_analytics'],
    ['6.8.6', '/_template/tyk_analytics'],
  ])('keeps its mark in the template where a policy has no place for it (%s)', async (version, path) => {
    await using it = await started(daily, { version })
    await write(it)
    expect(it.puts()).toEqual([POLICY, path])
    expect(it.things.get(POLICY)).toEqual({
      policy: { phases: { delete: { min_age: '8d', actions: { delete: {} } } } },
    })
    it.things.set(POLICY, { policy: { phases: { delete: { min_age: '99d', actions: { delete: {} } } } } })
    const later = it.startSink({ retention_days: 8 })
    await write(later, 'b')
    expect(later.said('left as it is')).toMatchObject([{ level: 40, what: 'the lifecycle policy tyk_analytics' }])
    expect(JSON.stringify(it.things.get(POLICY))).toContain('99d')
  })

  it('leaves a policy of a person, with a warning', async () => {
    await using it = await started(daily)
    const theirs = { policy: { phases: { delete: { min_age: '99d', actions: { delete: {} } } } } }
    it.things.set(POLICY, theirs)
    await write(it)
    expect(it.things.get(POLICY)).toEqual(theirs)
    expect(it.said('left as it is')).toMatchObject([
      {
        level: 40,
        reason: expect.stringMatching(/^retention_days has no effect in it: it was there before/) as string,
      },
    ])
    await write(it.startSink({ retention_days: 0 }), 'b')
    expect(it.things.get(POLICY)).toEqual(theirs)
  })

  it('says whether a template that somebody has edited names the policy', async () => {
    await using it = await started(daily)
    await write(it)
    const template = it.things.get(FLAT_TEMPLATE) as { template: { settings: object } }
    const edit = (settings: object) => ({ ...template, template: { ...template.template, settings } })
    it.things.set(FLAT_TEMPLATE, edit({ ...template.template.settings, number_of_shards: 3 }))
    const named = it.startSink()
    await write(named, 'b')
    expect(named.said('left as it is')).toMatchObject([{ level: 30, what: 'the index template tyk_analytics' }])
    it.things.set(FLAT_TEMPLATE, edit({ number_of_shards: 3 }))
    const unnamed = it.startSink()
    await write(unnamed, 'c')
    expect(unnamed.said('left as it is')).toMatchObject([
      {
        level: 40,
        reason: expect.stringMatching(/^retention_days has no effect in it: somebody has edited/) as string,
      },
    ])
  })

  it('says what a template of somebody has to name', async () => {
    await using it = await started(daily)
    it.things.set('/_index_template/mine', { index_patterns: ['tyk_*'] })
    expect(await write(it)).toEqual(['delivered'])
    expect(it.puts()).toEqual([POLICY])
    expect(it.said('template not installed')).toMatchObject([
      { level: 40, reason: expect.stringContaining('"index.lifecycle.name": "tyk_analytics"') as string },
    ])
  })

  it('says that an index of two sinks is kept as that of the first says', async () => {
    await using it = await started({ rolling_index: true, mcp_index_name: 'mcp' })
    await write(it)
    const second = it.startSink({ ...daily, index_name: 'eu' })
    await write(second, 'b')
    expect(second.said('does not follow the lifecycle policy')).toMatchObject([
      {
        level: 40,
        what: 'mcp',
        reason: expect.stringContaining('the index template tyk_analytics of another') as string,
      },
    ])
    await write(it.startSink({ ...daily }), 'c')
    const third = it.startSink({ ...daily, index_name: 'eu' })
    await write(third, 'd')
    expect(third.said('does not follow')).toEqual([])
    expect(it.target.templates.makerOf('eu-2026.11.29').lifecycle).toBe('eu')
    expect(it.target.templates.makerOf('mcp-2026.11.29').lifecycle).toBe('tyk_analytics')
  })

  it.each([
    ['8.19.0', 'no handler found'],
    ['7.17.29', 'Invalid index name'],
    ['6.8.6', 'Invalid index name'],
    ['6.5.4', 'it is version 6.5.4, and they came with 6.6'],
    ['5.6.16', 'it is version 5.6.16, and they came with 6.6'],
  ])('says that a server has no policies, and names none in its template (%s)', async (version, why) => {
    await using it = await started(daily, { version, policies: false })
    expect(await write(it)).toEqual(['delivered'])
    expect(it.said('policy not installed, indices of past days stay')).toMatchObject([
      {
        level: 40,
        reason: expect.stringMatching(`^this server has no such policies .*${why}.*RETENTIONDAYS`) as string,
      },
    ])
    expect(JSON.stringify([...it.things])).not.toContain('lifecycle')
    expect(it.things.size).toBe(1)
    const again = it.startSink({ retention_days: 0 })
    await write(again, 'b')
    expect(again.said('index management')).toEqual([])
  })

  it('names the privilege that is missing, and the policy, which may come later', async () => {
    await using it = await started(daily)
    it.target.templates.forbid(/_ilm/)
    expect(await write(it)).toEqual(['delivered'])
    expect(it.said('policy not installed')).toMatchObject([
      { level: 40, reason: expect.stringMatching(/^403: .*manage_ilm.*MANAGEINDEX/) as string },
    ])
    expect(it.target.templates.makerOf('tyk_analytics-2026.11.29').lifecycle).toBe('tyk_analytics')
    const without = it.startSink({ retention_days: 0 })
    await write(without, 'b')
    expect(without.lines.filter(({ level }) => level === 40)).toEqual([])
  })

  it('makes an ISM policy for the days on OpenSearch, which names them itself', async () => {
    await using it = await started(daily, { version: '2.19.6', distribution: 'opensearch' })
    await write(it)
    const path = '/_plugins/_ism/policies/tyk_analytics'
    expect(it.puts()).toEqual([path, FLAT_TEMPLATE])
    expect(it.things.get(path)).toMatchObject({
      policy: {
        default_state: 'hot',
        states: [
          {
            name: 'hot',
            actions: [],
            transitions: [{ state_name: 'delete', conditions: { min_index_age: '8d' } }],
          },
          { name: 'delete', actions: [{ delete: {} }] },
        ],
      },
    })
    const { makerOf } = it.target.templates
    expect(FOLLOWED.slice(0, 2).map((index) => makerOf(index).ism)).toEqual(['tyk_analytics', 'tyk_analytics'])
    expect(NOT_FOLLOWED.map((index) => makerOf(index).ism)).toEqual(NOT_FOLLOWED.map(() => null))
    expect(it.things.get(FLAT_TEMPLATE)).toMatchObject({ index_patterns: PATTERNS })
    expect(it.said('installed')[0]).toMatchObject({
      reason: expect.stringContaining(`POST /_plugins/_ism/add/${RECENT} {"policy_id"`) as string,
    })
    const same = it.startSink()
    await write(same, 'b')
    expect(same.said('index management')).toEqual([])
    const longer = it.startSink({ retention_days: 30 })
    await write(longer, 'c')
    expect(longer.said('up to date')).toMatchObject([
      { reason: expect.stringContaining(`POST /_plugins/_ism/change_policy/${RECENT} {`) as string },
    ])
    await write(it.startSink({ retention_days: 0 }), 'd')
    expect(JSON.stringify(it.things.get(path))).not.toContain('delete')
  })
})

describe('data_stream', () => {
  const stream = { data_stream: STREAM }
  const ALL = [
    '/_ilm/policy/logs-tyk.access',
    '/_component_template/logs-tyk.access%40mappings',
    '/_component_template/logs-tyk.access%40settings',
    '/_component_template/logs-tyk.access%40custom',
    '/_index_template/logs-tyk.access',
  ]

  it('installs the policy, the parts and the template, in this order and once', async () => {
    await using it = await started(stream)
    await write(it)
    await write(it.startSink(), 'b')
    expect(it.puts()).toEqual(ALL)
    expect(it.things.get('/_ilm/policy/logs-tyk.access')).toMatchObject({
      policy: { phases: { hot: { actions: { rollover: { max_age: '30d', max_primary_shard_size: '50gb' } } } } },
    })
    expect(it.things.get('/_component_template/logs-tyk.access@settings')).toMatchObject({
      template: { settings: { 'index.lifecycle.name': 'logs-tyk.access' } },
    })
    expect(it.things.get('/_index_template/logs-tyk.access')).toMatchObject({
      index_patterns: ['logs-tyk.access-*'],
      data_stream: {},
      priority: 200,
    })
    expect(it.target.documents.map(({ index }) => index)).toEqual([STREAM, STREAM])
  })

  it('deletes after the days of retention, and rolls over at least as often', async () => {
    await using it = await started(stream)
    await write(it)
    await write(it.startSink({ retention_days: 7, rollover_size_gb: 0 }), 'b')
    expect(it.things.get('/_ilm/policy/logs-tyk.access')).toMatchObject({
      policy: {
        phases: {
          hot: { actions: { rollover: { max_age: '7d' } } },
          delete: { min_age: '7d', actions: { delete: {} } },
        },
      },
    })
    const again = it.startSink({ retention_days: 7, rollover_size_gb: 0 })
    await write(again, 'c')
    expect([...again.said('up to date'), ...again.said('left')]).toEqual([])
  })

  it('leaves a policy that somebody has edited', async () => {
    await using it = await started(stream)
    await write(it)
    const path = '/_ilm/policy/logs-tyk.access'
    const { policy } = it.things.get(path) as { policy: { phases: object } }
    const warm = { ...policy.phases, warm: { min_age: '2d', actions: {} } }
    it.things.set(path, { policy: { ...policy, phases: warm } })
    const later = it.startSink({ retention_days: 7 })
    await write(later, 'b')
    expect(later.said('left as it is')).toMatchObject([{ what: 'the lifecycle policy logs-tyk.access' }])
  })

  it('says aloud that limits have no effect in a policy or a template of a person', async () => {
    await using it = await started({ ...stream, retention_days: 7 })
    it.things.set('/_ilm/policy/logs-tyk.access', { policy: { phases: { hot: { min_age: '0ms', actions: {} } } } })
    it.things.set('/_index_template/logs-tyk.access', {
      index_patterns: ['logs-tyk.access-*'],
      priority: 200,
      data_stream: {},
    })
    await write(it)
    expect(it.said('left as it is')).toMatchObject([
      { level: 40, what: 'the lifecycle policy logs-tyk.access' },
      { level: 40, what: 'the index template logs-tyk.access' },
    ])
  })

  it('says that a stream made before follows no policy, and how it will', async () => {
    await using it = await started({ ...stream, rollover_size_gb: 0, rollover_days: 0 })
    await write(it)
    const later = it.startSink({ retention_days: 7 })
    await write(later, 'b')
    expect(later.said('does not follow the lifecycle policy')).toMatchObject([
      {
        level: 40,
        what: STREAM,
        reason: `.ds-${STREAM}-000001 follows no policy and not logs-tyk.access; for indices that are there: PUT /${STREAM}/_settings {"index.lifecycle.name":"logs-tyk.access"}`,
      },
    ])
    it.target.rollOver(STREAM)
    const last = it.startSink({ retention_days: 7 })
    await write(last, 'c')
    expect(last.said('does not follow')).toEqual([])
  })

  it('says so of a stream on OpenSearch, too', async () => {
    const server = { version: '2.19.6', distribution: 'opensearch' } as const
    await using it = await started({ ...stream, rollover_size_gb: 0, rollover_days: 0 }, server)
    await write(it)
    const later = it.startSink({ retention_days: 7 })
    await write(later, 'b')
    expect(later.said('does not follow')).toMatchObject([
      {
        reason: expect.stringContaining(
          `POST /_plugins/_ism/add/.ds-${STREAM}-* {"policy_id":"logs-tyk.access"}`,
        ) as string,
      },
    ])
  })

  it.each(['8.19.0', '7.10.2'])('takes limits back: nothing is deleted any more (%s)', async (version) => {
    await using it = await started({ ...stream, retention_days: 7 }, { version })
    await write(it)
    const none = { retention_days: 0, rollover_days: 0, rollover_size_gb: 0 }
    await write(it.startSink(none), 'b')
    expect(it.things.get('/_ilm/policy/logs-tyk.access')).toMatchObject({
      policy: { phases: { hot: { min_age: '0ms', actions: {} } } },
    })
    expect(JSON.stringify(it.things.get('/_ilm/policy/logs-tyk.access'))).not.toMatch(/delete|rollover/)
    expect(it.things.get('/_component_template/logs-tyk.access@settings')).toMatchObject({ template: { settings: {} } })
    const again = it.startSink(none)
    await write(again, 'c')
    expect([...again.said('up to date'), ...again.said('left')]).toEqual([])
    await write(it.startSink(), 'd')
    expect(JSON.stringify(it.things.get('/_ilm/policy/logs-tyk.access'))).toContain('"min_age":"7d"')
  })

  it('makes no policy when there is nothing for it to do', async () => {
    await using it = await started({ ...stream, rollover_size_gb: 0, rollover_days: 0 })
    await write(it)
    expect(it.puts()).toEqual(ALL.slice(1))
  })

  it('speaks the words of older servers', async () => {
    await using it = await started(stream, { version: '7.10.2' })
    await write(it)
    const policy = it.things.get('/_ilm/policy/logs-tyk.access') as { policy: object }
    expect(policy.policy).toEqual({
      phases: { hot: { min_age: '0ms', actions: { rollover: { max_age: '30d', max_size: '50gb' } } } },
    })
  })

  it('knows its policy again on older servers, where a policy has no place for a mark', async () => {
    await using it = await started(stream, { version: '7.10.2' })
    await write(it)
    const same = it.startSink()
    await write(same, 'b')
    expect([...same.said('up to date'), ...same.said('left')]).toEqual([])
    const changed = it.startSink({ retention_days: 7 })
    await write(changed, 'c')
    expect(changed.said('left')).toEqual([])
    const path = '/_ilm/policy/logs-tyk.access'
    expect(it.things.get(path)).toMatchObject({ policy: { phases: { delete: { min_age: '7d' } } } })
    it.things.set(path, { policy: { phases: { hot: { min_age: '0ms', actions: {} } } } })
    const edited = it.startSink({ retention_days: 8 })
    await write(edited, 'd')
    expect(edited.said('left as it is')).toMatchObject([{ level: 40, what: 'the lifecycle policy logs-tyk.access' }])
  })

  it('goes on where there are no policies, or where they are refused', async () => {
    await using without = await started(stream, { policies: false })
    expect(await write(without)).toEqual(['delivered'])
    expect(without.things.get('/_component_template/logs-tyk.access@settings')).toMatchObject({
      template: { settings: {} },
    })
    expect(without.said('policy not installed')).toMatchObject([
      { reason: expect.stringContaining('no handler') as string },
    ])

    await using forbidden = await started(stream)
    forbidden.target.templates.forbid(/_ilm/)
    expect(await write(forbidden)).toEqual(['delivered'])
    // The policy may come later, from somebody else.
    expect(forbidden.things.get('/_component_template/logs-tyk.access@settings')).toMatchObject({
      template: { settings: { 'index.lifecycle.name': 'logs-tyk.access' } },
    })
    expect(forbidden.said('policy not installed')).toMatchObject([
      { reason: expect.stringContaining('manage_ilm') as string },
    ])
  })

  it('holds records where the template is refused and the stream is not there, until it may install', async () => {
    await using it = await started(stream)
    it.target.templates.forbid(/_index_template|_component_template/)
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(write(it)).rejects.toThrow(
        /^Elasticsearch refuses the component template logs-tyk\.access@mappings, which logs-tyk\.access-default needs to be made: 403: .*; give the user of the sink the cluster privilege manage_index_templates/,
      )
    }
    await expect(write(it)).rejects.toBeInstanceOf(SinkRefusedError)
    expect(it.target.documents).toEqual([])
    it.target.templates.forbid(null)
    expect(await write(it)).toEqual(['delivered'])
    expect(it.puts()).toEqual(ALL)
  })

  it('writes on where it may neither install nor see whether the stream is there', async () => {
    await using it = await started(stream)
    it.target.templates.forbid(/template|policy|^\/logs/)
    expect(await write(it)).toEqual(['delivered'])
    expect(it.said('the data stream stays as it is')).toMatchObject([
      { level: 40, reason: expect.stringContaining('the index privilege view_index_metadata on it') as string },
    ])
  })

  it.each([200, 500])('is made by a template of somebody with priority %d, and says so', async (priority) => {
    await using it = await started(stream)
    it.things.set('/_index_template/mine', { index_patterns: ['logs-tyk*'], priority, data_stream: {} })
    expect(await write(it)).toEqual(['delivered'])
    expect(it.things.has('/_index_template/logs-tyk.access')).toBe(false)
    expect(it.said('the data stream stays as it is')).toMatchObject([
      {
        level: 40,
        reason: expect.stringMatching(
          /^the index template mine with priority \d+ is the one that .* follows, and fields, rollover_\* and retention_days are as it says/,
        ) as string,
      },
    ])
  })

  it.each(['mine', 'logs-tyk.access'])(
    'holds records where a template %s would make an index of its name',
    async (name) => {
      await using it = await started(stream)
      it.things.set(`/_index_template/${name}`, { index_patterns: ['logs-tyk*'], priority: 200 })
      await expect(write(it)).rejects.toThrow(/^Elasticsearch refuses .*: the index template .* makes an index and no/)
      await expect(write(it)).rejects.toBeInstanceOf(SinkRefusedError)
      expect(it.target.documents).toEqual([])
    },
  )

  it('holds records where the template is refused because of another stream of somebody', async () => {
    await using it = await started(stream)
    it.things.set('/_index_template/mine', {
      index_patterns: ['logs-tyk.access-mine*'],
      priority: 200,
      data_stream: {},
    })
    await expect(write(it)).rejects.toThrow(/from existing templates \[mine\].* that have the same priority/)
    it.things.delete('/_index_template/mine')
    expect(await write(it)).toEqual(['delivered'])
  })

  it('leaves one copy of a record that is sent again after the stream has begun a new index', async () => {
    await using it = await started(stream)
    await it.sink.write(numberedBatch(3), never)
    it.target.rollOver(STREAM)
    expect(await it.sink.write(numberedBatch(5), never, true)).toEqual(numberedBatch(5).map(() => 'delivered'))
    expect(it.target.documents.map(({ id }) => id)).toEqual(['id-0', 'id-1', 'id-2', 'id-3', 'id-4'])
    expect(await it.sink.write(numberedBatch(2), never, true)).toEqual(['delivered', 'delivered'])
    expect(it.target.documents).toHaveLength(5)
  })

  it('finds what is there of a batch that is larger than one answer', async () => {
    await using it = await started(stream)
    const [first, second] = [pumpRecord(keylessRecord(), 'first'), pumpRecord(keylessRecord(), 'second')]
    await it.sink.write([first, second], never)
    it.target.rollOver(STREAM)
    const batch = [first, ...numberedBatch(10_000), second]
    expect(await it.sink.write(batch, never, true)).toHaveLength(10_002)
    expect(it.target.documents).toHaveLength(10_002)
  })

  it('asks for no record that is sent for the first time', async () => {
    await using it = await started(stream)
    await it.sink.write(numberedBatch(3), never, false)
    expect(it.target.requests.filter(({ url }) => url.includes('_search'))).toEqual([])
  })

  it('says that a record may be there twice where it may not look', async () => {
    await using it = await started(stream, { search: 'forbidden' })
    expect(await it.sink.write(numberedBatch(2), never, true)).toEqual(['delivered', 'delivered'])
    expect(it.said('may be there twice')).toMatchObject([{ level: 40 }])
  })

  it('goes on writing into a stream that is there', async () => {
    await using it = await started(stream)
    await write(it)
    const later = it.startSink()
    it.target.templates.forbid(/_index_template|_component_template/)
    expect(await write(later, 'b')).toEqual(['delivered'])
    expect(later.said('the data stream stays as it is')).toMatchObject([{ level: 40 }])
  })

  it('makes an ISM policy on OpenSearch, and brings it up to date by its number', async () => {
    await using it = await started({ ...stream, retention_days: 90 }, { version: '2.19.6', distribution: 'opensearch' })
    await write(it)
    const path = '/_plugins/_ism/policies/logs-tyk.access'
    expect(it.things.get(path)).toMatchObject({
      policy: {
        default_state: 'hot',
        states: [
          {
            name: 'hot',
            actions: [{ rollover: { min_size: '50gb', min_index_age: '30d' } }],
            transitions: [{ state_name: 'delete', conditions: { min_rollover_age: '90d' } }],
          },
          { name: 'delete', actions: [{ delete: {} }] },
        ],
        ism_template: [{ index_patterns: ['logs-tyk.access-*'] }],
      },
    })
    expect(it.things.get('/_component_template/logs-tyk.access@settings')).toMatchObject({ template: { settings: {} } })
    const same = it.startSink()
    await write(same, 'b')
    expect([...same.said('up to date'), ...same.said('left')]).toEqual([])
    await write(it.startSink({ retention_days: 10 }), 'c')
    expect(it.puts().at(-1)).toBe(`${path}?if_seq_no=7&if_primary_term=1`)
  })

  it.each([
    [{ version: '6.8.6' }, '6.8.6'],
    [{ version: '7.8.1' }, '7.8.1'],
  ])('is refused by a server that has none: %o', async (server, version) => {
    await using it = await started({ ...stream, manage_index: false }, server)
    await expect(write(it)).rejects.toThrow(
      `data_stream needs Elasticsearch 7.9 or newer, or OpenSearch; this is ${version}`,
    )
    expect(it.target.documents).toEqual([])
  })

  it('makes nothing without manage_index', async () => {
    await using it = await started({ ...stream, manage_index: false })
    await it.sink.write(numberedBatch(3), never)
    expect(it.target.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['GET /', 'POST /_bulk'])
  })

  it.each([false, true])(
    'keeps a record without its raw texts when it is too large (disable_bulk: %s)',
    async (disable) => {
      await using it = await started({ ...stream, extended_stats: true, disable_bulk: disable })
      it.target.next({ status: 413 })
      const batch = [pumpRecord(keylessRecord({ rawRequest: 'R0VU' }), 'large')]
      expect(await it.sink.write(batch, never)).toEqual(['delivered'])
      expect(it.target.documents[0]?.source).toMatchObject({
        tyk: { raw_request: '', raw_response: '' },
        quarantined: { fields: ['tyk.raw_request', 'tyk.raw_response'] },
      })
    },
  )

  it('moves the named field aside, however deep it lies', async () => {
    await using it = await started(stream)
    const reason = "[1:6] failed to parse field [tyk.api.version] of type [date] in document with id 'b'"
    it.target.next({ items: { 1: { status: 400, type: 'document_parsing_exception', reason } } })
    expect(await it.sink.write(numberedBatch(2), never)).toEqual(['delivered', 'delivered'])
    const source = it.target.documents.find(({ id }) => id === 'id-1')?.source
    expect(source).toMatchObject({
      tyk: { api: { id: 'api1', name: 'httpbin' } },
      quarantined: { fields: ['tyk.api.version'], values: ['tyk.api.version=Non Versioned'] },
    })
  })
})

describe('options that do not go together', () => {
  it.each([
    [{ data_stream: STREAM, rolling_index: true }, /ROLLINGINDEX/],
    [{ data_stream: STREAM, mcp_index_name: 'mcp' }, /MCPINDEXNAME/],
    [{ data_stream: STREAM, retention_days: 7 }, /retention_days \(…RETENTIONDAYS\) works with .*MANAGEINDEX/],
    [
      { rolling_index: true, retention_days: 7 },
      /retention_days \(…RETENTIONDAYS\) works with manage_index \(…MANAGEINDEX/,
    ],
    [
      { manage_index: true, retention_days: 7 },
      /retention_days .* deletes whole indices, and tyk_analytics has .*ROLLINGINDEX\) to true, or data_stream/,
    ],
    [
      { manage_index: true, rolling_index: true, rollover_days: 7 },
      /rollover_days \(…ROLLOVERDAYS\) works with .*DATASTREAM/,
    ],
    [{ manage_index: true, rollover_days: 7 }, /rollover_days \(…ROLLOVERDAYS\) works with .*DATASTREAM/],
    [{ rollover_size_gb: 7 }, /leave it at 50/],
    [
      { data_stream: 'logs-tyk.access-a', index_name: 'logs-tyk.access', manage_index: true },
      /takes all names logs-tyk\.access-\*, and so the index logs-tyk\.access-[-.\d]+: .*INDEXNAME/,
    ],
    [{ data_stream: 'Logs-Tyk' }, /DATASTREAM\) is no name/],
    [{ data_stream: '-logs' }, /DATASTREAM\) is no name/],
    [{ data_stream: 'logs tyk' }, /DATASTREAM\) is no name/],
  ])('are refused at the start: %o', (meta, message) => {
    const create = () => elasticsearchSink.create(optionsOf(elasticsearchSink.options, meta), sinkDeps())
    expect(create).toThrow(SinkOptionError)
    expect(create).toThrow(message)
  })
})
