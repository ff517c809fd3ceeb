/** Gateway and pump as they are shipped: built into a few files, with all that is loaded only when it is asked for. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { analyticsKey, emptyRecord, encodeRecord } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { bundledPrograms, bundleProgram } from '../../scripts/jobs/bundle-program.ts'
import { eventually } from '../support/eventually.ts'
import { startGateway } from '../support/gateway.ts'
import { startPump } from '../support/pump.ts'
import { type RedisServer, redisSkipReason, startRedis } from '../support/redis.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const packages = fileURLToPath(new URL('../../packages/', import.meta.url))

const apiWith = (upstream: Upstream, changes: object): object => ({
  name: 'app',
  api_id: 'app',
  org_id: 'default',
  active: true,
  version_data: { not_versioned: true, versions: { Default: { name: 'Default' } } },
  proxy: { listen_path: '/app/', target_url: upstream.url, strip_listen_path: true },
  ...changes,
})

/** For the environment of a pump: it looks at once for what is too old, and not after a minute. */
const UPKEEP_AT_ONCE = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(
    'const wait = setTimeout; globalThis.setTimeout = (run, ms, ...args) => wait(run, ms === 60000 ? 10 : ms, ...args)',
  )}`,
}

const MISSING = /level=error|ERR_MODULE_NOT_FOUND|ENOENT/

let redis: RedisServer
let client: Redis
beforeAll(async () => {
  vi.stubEnv('TEK_USE_DIST', '1')
  await Promise.all(bundledPrograms.map(bundleProgram))
  if (redisSkipReason()) return
  redis = await startRedis()
  client = new Redis(redis.url)
}, 60_000)
afterAll(async () => {
  vi.unstubAllEnvs()
  client?.disconnect()
  await redis?.stop()
})
beforeEach(() => client?.flushall())

describe.skipIf(redisSkipReason())('the built gateway', () => {
  let upstream: Upstream
  beforeAll(async () => {
    upstream = await startUpstream((request, response) => response.end(request.url))
  })
  afterAll(() => upstream?.close())

  test.each([
    { workers: 1, upstream_transport: 'direct' },
    { workers: 2, upstream_transport: 'direct' },
    { workers: 2, upstream_transport: 'http-proxy' },
  ])('serves who may call and records it with %j', async (conf) => {
    await using started = await startGateway({
      redisPort: redis.port,
      apis: { 'app.json': apiWith(upstream, { use_basic_auth: true, use_keyless: false }) },
      conf,
    })
    const session = {
      org_id: 'default',
      access_rights: { app: { api_id: 'app', api_name: 'app', versions: ['Default'] } },
      basic_auth_data: { password: 'secret', hash_type: '' },
    }
    const made = await fetch(`${started.url}/tyk/keys/ann`, {
      method: 'POST',
      headers: { 'x-tyk-authorization': started.secret },
      body: JSON.stringify(session),
    })
    expect(made.status).toBe(200)
    const statusFor = async (password: string): Promise<number> => {
      const authorization = `Basic ${Buffer.from(`ann:${password}`).toString('base64')}`
      return (await fetch(`${started.url}/app/x`, { headers: { authorization } })).status
    }
    expect(await statusFor('secret')).toBe(200)
    expect(await statusFor('wrong')).toBe(401)
    await eventually(async () => expect(await client.llen(analyticsKey('msgpack'))).toBe(2))
    expect(await started.stop()).toBeUndefined()
    expect(started.program.output()).not.toMatch(MISSING)
  })
})

describe.skipIf(redisSkipReason())('the built pump', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tek-built-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const push = (path: string, seconds: number): Promise<number> =>
    client.rpush(
      analyticsKey('msgpack'),
      Buffer.from(encodeRecord({ ...emptyRecord(), path, timestamp: { seconds, nanos: 0 } })),
    )

  test('delivers, builds indexes in a process of its own, and deletes in a thread of its own', async () => {
    const file = join(folder, 'analytics.sqlite')
    const before = new DatabaseSync(file)
    before.exec('CREATE TABLE tyk_analytics (method TEXT)')
    before.exec(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000) INSERT INTO tyk_analytics SELECT 'PUT' FROM n",
    )
    before.close()
    const meta = { type: 'sqlite', connection_string: file, retention_days: 7 }
    await using pump = await startPump({
      redisPort: redis.port,
      pumps: { sql: { type: 'sql', meta } },
      env: UPKEEP_AT_ONCE,
    })
    const now = Math.floor(Date.now() / 1000)
    await push('/old', now - 8 * 86_400)
    await push('/new', now)
    await pump.program.waitForLine('indexes built')
    const paths = (): unknown[] => {
      const database = new DatabaseSync(file, { readOnly: true })
      const rows = database.prepare("SELECT path FROM tyk_analytics WHERE path <> '' ORDER BY path").all()
      database.close()
      return rows.map(({ path }) => path)
    }
    await eventually(() => expect(paths()).toEqual(['/new']))
    expect(await client.keys('*:lease*')).toEqual([])
    await pump.stop()
    expect(pump.program.output()).toMatch(/message="old records deleted".* rows=1 /)
    expect(pump.program.output()).not.toMatch(MISSING)
  })

  test('spills what is over its cap', async () => {
    const elasticsearch = await startUpstream((_, response) => void response.writeHead(503).end())
    const sinks = (url: string) => ({
      elasticsearch: {
        type: 'elasticsearch',
        meta: { elasticsearch_url: url, index_name: 'tyk_analytics', version: '6' },
      },
    })
    const spilled = join(folder, 'spilled')
    const conf = { lease_cap: { policy: 'spill', max_records: 1, spill_dir: spilled } }
    await using pump = await startPump({ redisPort: redis.port, pumps: sinks(elasticsearch.url), conf })
    for (let i = 0; i < 3; i++) await push(`/${i}`, 1_790_000_000 + i)
    await eventually(async () => {
      expect((await readdir(spilled)).some((name) => name.endsWith('.segment'))).toBe(true)
    })
    expect(pump.program.output()).not.toMatch(/NOSCRIPT|ENOENT/)
    await elasticsearch.close()
  })
})

/** Says at the end whether V8 still inlines methods of texts behind one more class that extends String, as ioredis has one. */
const LOOK_AT_STRINGS = `data:text/javascript,${encodeURIComponent(
  "process.on('exit', () => { globalThis.Text = class extends String {}; console.log('fast:', %HasFastProperties(String.prototype)) })",
)}`

describe.each(bundledPrograms)('the build of the %s', (name) => {
  test('keeps the methods of strings fast', async () => {
    const main = join(packages, name, 'dist', 'main.js')
    const args = ['--allow-natives-syntax', `--import=${LOOK_AT_STRINGS}`, main, '--version']
    const { stdout } = await promisify(execFile)(process.execPath, args)
    expect(stdout).toMatch(/^fast: true$/m)
  })

  test('is made anew when a source is newer, several times at once, and only the builds before the last one go', async () => {
    const dist = join(packages, name, 'dist')
    const stale = 'of-an-older-build.js'
    await writeFile(join(dist, stale), '')
    const before = (await readdir(dist)).filter((file) => /\.js$|^scripts-/.test(file) && file !== stale)
    const now = new Date()
    await utimes(join(packages, name, 'src', 'main.ts'), now, now)
    await Promise.all([bundleProgram(name), bundleProgram(name), bundleProgram(name)])
    const after = await readdir(dist)
    expect(after).toEqual(expect.arrayContaining(before))
    expect(after).not.toContain(stale)
  })
})
