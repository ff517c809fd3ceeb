/** Several processes that are one gateway: what a client, an operator and a supervisor can tell. */
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { once } from 'node:events'
import tls, { type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createAuthority } from '../../../test/support/certificates.ts'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway, type Gateway, type GatewayOptions } from '../../../test/support/gateway.ts'
import { readRecords, recordsUntil } from '../../../test/support/read-records.ts'
import { freePort, redisSkipReason, startRedis, type RedisServer } from '../../../test/support/redis.ts'
import { startUpstream, type Upstream } from '../../../test/support/upstream.ts'
import { keylessApi } from './support/api.ts'
import { openConnection, type Connection } from './support/connection.ts'
import { acceptedBy, childrenOf, isRunning, procSkipReason } from './support/worker-processes.ts'

const WORKERS = 2

// Every test starts three processes.
vi.setConfig({ testTimeout: 120_000 })

const startWorkers = ({ conf, ...options }: GatewayOptions): Promise<Gateway> =>
  startGateway({ ...options, conf: { workers: WORKERS, ...conf } })

const workersOf = ({ program }: Gateway): number[] => childrenOf(program.pid)

/** For the environment of a gateway: what befalls its workers, by their numbers from 1 on, when they open a port. */
const atListen = (fates: Readonly<Record<number, 'die' | 'hang'>>): Record<string, string> => ({
  NODE_OPTIONS: `--import=${new URL('./support/at-listen.preload.mjs', import.meta.url).href}`,
  TEK_TEST_AT_LISTEN: JSON.stringify(fates),
})

const linesWith = ({ program }: Gateway, text: string): number =>
  program
    .output()
    .split('\n')
    .filter((line) => line.includes(text)).length

/** Waits until everything has its listeners open and a load has worked. */
const untilReady = ({ url }: Gateway): Promise<void> =>
  eventually(async () => expect((await fetch(`${url}/ready`)).status).toBe(200), 30_000)

const control = ({ url, secret }: Gateway, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${url}${path}`, { ...init, headers: { 'x-tyk-authorization': secret, connection: 'close' } })

/** Connections of clients, so many that each worker has some. */
async function connectionsToAll(gateway: Gateway, path = '/app/x'): Promise<Connection[] & Disposable> {
  const connections: Connection[] = []
  await eventually(async () => {
    const more = Array.from({ length: 8 }, () => openConnection(gateway.port))
    connections.push(...more)
    await Promise.all(more.map((connection) => connection.get(path)))
    const accepted = workersOf(gateway).map((pid) => acceptedBy(pid, gateway.port))
    for (const peers of accepted) expect(connections.filter(({ localPort }) => peers.has(localPort))).not.toEqual([])
    expect(accepted).toHaveLength(WORKERS)
  }, 30_000)
  return Object.assign(connections, {
    [Symbol.dispose]: () => connections.forEach((connection) => connection[Symbol.dispose]()),
  })
}

const statuses = async (connections: readonly Connection[], path = '/app/x', headers = {}): Promise<number[]> =>
  Promise.all(connections.map(async (connection) => (await connection.get(path, headers)).status))

/** Requests without a pause on every connection, until `stop`. Resolves with what failed. */
function keepBusy(
  connections: readonly Connection[],
  path = '/app/x',
  headers = {},
): { count(): number; stop(): Promise<Map<Connection, string[]>> } {
  const failures = new Map<Connection, string[]>()
  const stopped = new AbortController()
  let count = 0
  const loops = connections.map(async (connection) => {
    while (!stopped.signal.aborted) {
      const outcome = await connection.get(path, headers).then(
        ({ status }) => String(status),
        (err: Error) => err.message,
      )
      count++
      if (outcome !== '200') failures.set(connection, [...(failures.get(connection) ?? []), outcome])
    }
  })
  return {
    count: () => count,
    async stop() {
      stopped.abort()
      await Promise.all(loops)
      return failures
    },
  }
}

describe.skipIf(redisSkipReason() ?? procSkipReason())('several workers', () => {
  let redis: RedisServer
  let upstream: Upstream
  beforeAll(async () => {
    redis = await startRedis()
    upstream = await startUpstream((request, response) => response.end(`old ${request.url}`))
  })
  afterAll(async () => {
    await upstream.close()
    await redis.stop()
  })
  const start = async (options: GatewayOptions = {}): Promise<Gateway> => {
    const gateway = await startWorkers({
      redisPort: redis.port,
      apis: { 'app.json': keylessApi(upstream.url) },
      ...options,
    })
    await untilReady(gateway)
    return gateway
  }

  test('share the port, say who they are once, and have one file with the id of the parent', async () => {
    await using gateway = await start()
    using connections = await connectionsToAll(gateway)
    expect(await statuses(connections)).toEqual(connections.map(() => 200))
    expect(workersOf(gateway)).toHaveLength(WORKERS)
    await eventually(() => expect(linesWith(gateway, 'PIDFile location set to')).toBe(1))
    expect(readFileSync(join(gateway.dir, 'gateway.pid'), 'utf8')).toBe(String(gateway.program.pid))
    for (const text of [
      'Tyk API Gateway v',
      'storage: connected to redis',
      'Loading API Specification from',
      'API Loaded',
      'Tyk Gateway started',
      `--> PID: ${gateway.program.pid}`,
      'The control_api_port should be changed',
    ]) {
      expect(linesWith(gateway, text), text).toBe(1)
    }
  })

  test('one that is killed fails no request of the others, and another takes its place', async () => {
    await using gateway = await start()
    using connections = await connectionsToAll(gateway)
    const [victim, survivor] = workersOf(gateway) as [number, number]
    const others = connections.filter(({ localPort }) => acceptedBy(survivor, gateway.port).has(localPort))
    const before = others.map(({ localPort }) => localPort)
    const load = keepBusy(connections)
    await eventually(() => expect(load.count()).toBeGreaterThan(100))
    process.kill(victim, 'SIGKILL')
    await eventually(() => {
      const pids = workersOf(gateway)
      expect(pids).toHaveLength(WORKERS)
      expect(pids).not.toContain(victim)
      expect(linesWith(gateway, 'has taken the place')).toBe(1)
    }, 30_000)
    const failures = await load.stop()
    expect(others.flatMap((connection) => failures.get(connection) ?? [])).toEqual([])
    expect(others.map(({ localPort }) => localPort)).toEqual(before)
    using later = await connectionsToAll(gateway)
    expect(await statuses(later)).toEqual(later.map(() => 200))
    expect(linesWith(gateway, 'A worker process has ended')).toBe(1)
  })

  test('go on when one is killed while the others open their ports', async () => {
    await using gateway = await start({ env: atListen({ 2: 'die' }) })
    await eventually(() => expect(linesWith(gateway, 'has taken the place')).toBe(1), 30_000)
    using connections = await connectionsToAll(gateway)
    expect(await statuses(connections)).toEqual(connections.map(() => 200))
  })

  test('end when all are killed while they open their ports', async () => {
    await using gateway = await startWorkers({ unchecked: true, env: atListen({ 1: 'die', 2: 'die' }) })
    expect(await gateway.program.exited()).toBe(1)
    expect(linesWith(gateway, 'the process has ended')).toBe(1)
  })

  // One that does not open its ports is given up after 60 s.
  test('are refused a port in use at once, whatever else befalls the others', { timeout: 55_000 }, async () => {
    await using first = await start()
    const conf = { workers: 3, listen_port: first.port }
    const env = atListen({ 2: 'die', 3: 'hang' })
    await using second = await startWorkers({ unchecked: true, redisPort: redis.port, conf, env })
    expect(await second.program.exited()).toBe(1)
    expect(linesWith(second, `127.0.0.1:${first.port} is in use`)).toBe(1)
  })

  test('one that takes the place of another has what is in force, not what stands in the files', async () => {
    await using gateway = await start()
    await gateway.writeApi('app.json', '{ broken')
    await gateway.reload()
    await writeFile(join(gateway.dir, 'tyk.conf'), '{ broken')
    const [victim] = workersOf(gateway) as [number]
    process.kill(victim, 'SIGKILL')
    await eventually(() => expect(linesWith(gateway, 'has taken the place')).toBe(1), 30_000)
    using connections = await connectionsToAll(gateway)
    expect(await statuses(connections)).toEqual(connections.map(() => 200))
    await gateway.writeApi('app.json', keylessApi(`${upstream.url}/base`))
    await gateway.reload()
    const bodies = await Promise.all(connections.map(async (each) => (await each.get('/app/x')).body))
    expect(bodies).toEqual(connections.map(() => 'old /base/x'))
  })

  test('reload as one, under load and once for each request for it', async () => {
    await using next = await startUpstream((_, response) => response.end('new'))
    await using gateway = await start()
    using connections = await connectionsToAll(gateway)
    const load = keepBusy(connections)
    for (const [target, body] of [
      [next.url, 'new'],
      [upstream.url, 'old /x'],
      [next.url, 'new'],
    ] as const) {
      await gateway.writeApi('app.json', keylessApi(target))
      await gateway.reload()
      const bodies = await Promise.all(connections.slice(0, 16).map(async (each) => (await each.get('/app/x')).body))
      expect(new Set(bodies)).toEqual(new Set([body]))
    }
    expect(await load.stop()).toEqual(new Map())
    expect(linesWith(gateway, 'Reload queued')).toBe(3)
    expect(linesWith(gateway, 'reload: complete')).toBe(3)
    expect(linesWith(gateway, 'API Loaded')).toBe(4)
  })

  test('reload when another gateway asks for it, and show the same APIs on every connection', async () => {
    await using gateway = await start()
    using connections = await connectionsToAll(gateway)
    await gateway.writeApi('second.json', keylessApi(upstream.url, { api_id: 'second', proxy: { listen_path: '/2/' } }))
    expect((await control(gateway, '/tyk/reload/group')).status).toBe(200)
    await eventually(async () => {
      for (const connection of connections) {
        const { body } = await connection.get('/tyk/apis', { 'x-tyk-authorization': gateway.secret })
        expect((JSON.parse(body) as { api_id: string }[]).map((api) => api.api_id)).toEqual(['app', 'second'])
      }
    })
    expect(linesWith(gateway, 'Reloading endpoints')).toBe(1)
    await eventually(() => expect(linesWith(gateway, 'reload: complete')).toBe(1))
    expect(new Set(await statuses(connections, '/2/x'))).toEqual(new Set([200]))
  })

  test('open and close the port of an API together', async () => {
    const port = await freePort()
    const own = { api_id: 'own', listen_port: port, proxy: { listen_path: '/own/' } }
    await using gateway = await start({ conf: { disable_ports_whitelist: true } })
    await gateway.writeApi('own.json', keylessApi(upstream.url, own))
    await gateway.reload()
    const asked = Array.from({ length: 16 }, () => openConnection(port))
    expect(new Set(await statuses(asked, '/own/x'))).toEqual(new Set([200]))
    await eventually(() => expect(linesWith(gateway, 'Listener of an API opened')).toBe(1))
    await gateway.writeApi('own.json', keylessApi(upstream.url, { ...own, listen_port: 0 }))
    await gateway.reload()
    await eventually(() => expect(openConnection(port).get('/own/x')).rejects.toThrow('ECONNREFUSED'))
    expect((await openConnection(gateway.port).get('/own/x')).status).toBe(200)
    asked.forEach((connection) => connection[Symbol.dispose]())
  })

  test('forget a deleted key and use a changed one at once, whichever of them is asked', async () => {
    const right = { app: { api_id: 'app', api_name: 'app', versions: ['Default'] } }
    await using gateway = await start({
      apis: { 'app.json': keylessApi(upstream.url, { use_keyless: false, use_standard_auth: true }) },
      conf: { suppress_redis_signal_reload: true },
    })
    using connections = await connectionsToAll(gateway)
    const put = (method: string, session: object): Promise<Response> =>
      control(gateway, '/tyk/keys/my-key', { method, body: JSON.stringify(session) })
    const session = { org_id: 'default', access_rights: right }
    expect((await put('POST', session)).status).toBe(200)
    const headers = { authorization: 'my-key' }
    expect(new Set(await statuses(connections, '/app/x', headers))).toEqual(new Set([200]))
    expect((await put('PUT', { ...session, is_inactive: true })).status).toBe(200)
    expect(new Set(await statuses(connections, '/app/x', headers))).toEqual(new Set([403]))
    expect((await put('PUT', session)).status).toBe(200)
    expect(new Set(await statuses(connections, '/app/x', headers))).toEqual(new Set([200]))
    expect((await control(gateway, '/tyk/keys/my-key?org_id=default', { method: 'DELETE' })).status).toBe(200)
    expect(new Set(await statuses(connections, '/app/x', headers))).toEqual(new Set([403]))
  })

  test.each([1, WORKERS])('of %i a key that is changed under load stays changed', async (workers) => {
    const right = { app: { api_id: 'app', api_name: 'app', versions: ['Default'] } }
    await using gateway = await start({
      apis: { 'app.json': keylessApi(upstream.url, { use_keyless: false, use_standard_auth: true }) },
      conf: { workers },
    })
    const session = { org_id: 'default', quota_max: 1_000_000, quota_renewal_rate: 3600, access_rights: right }
    const write = (method: string, alias: string): Promise<Response> =>
      control(gateway, '/tyk/keys/busy-key', { method, body: JSON.stringify({ ...session, alias }) })
    expect((await write('POST', 'first')).status).toBe(200)
    const connections = Array.from({ length: 16 }, () => openConnection(gateway.port))
    const load = keepBusy(connections, '/app/x', { authorization: 'busy-key' })
    for (const alias of ['a', 'b', 'c', 'd', 'e']) {
      await eventually(() => expect(load.count()).toBeGreaterThan(100))
      expect((await write('PUT', alias)).status).toBe(200)
      const before = load.count()
      await eventually(() => expect(load.count() - before).toBeGreaterThan(500))
      const stored = await control(gateway, '/tyk/keys/busy-key?org_id=default')
      expect(await stored.json()).toMatchObject({ alias })
    }
    expect(await load.stop()).toEqual(new Map())
    for (const connection of connections) connection[Symbol.dispose]()
  })

  test('allow exactly the quota of a key', async () => {
    const quota = { quota_max: 1000, quota_renewal_rate: 3600, quota_remaining: 1000 }
    const right = { app: { api_id: 'app', api_name: 'app', versions: ['Default'] } }
    await using gateway = await start({
      apis: { 'app.json': keylessApi(upstream.url, { use_keyless: false, use_standard_auth: true }) },
    })
    using connections = await connectionsToAll(gateway)
    const session = { org_id: 'default', rate: 0, per: 0, ...quota, access_rights: right }
    await control(gateway, '/tyk/keys/counted', { method: 'POST', body: JSON.stringify(session) })
    const headers = { authorization: 'counted' }
    const counts = await Promise.all(
      connections.slice(0, 16).map(async (connection) => {
        const seen: number[] = []
        for (let i = 0; i < 150; i++) seen.push((await connection.get('/app/x', headers)).status)
        return seen
      }),
    )
    const all = counts.flat()
    expect(all.filter((status) => status === 200)).toHaveLength(1000)
    expect(all.filter((status) => status === 403)).toHaveLength(all.length - 1000)
  })

  test('stop as one: what is in flight is answered, every record is written, nobody is left', async () => {
    const held: (() => void)[] = []
    await using slow = await startUpstream(
      (_, response) => new Promise<void>((resolve) => held.push(() => (response.end('late'), resolve()))),
    )
    await using gateway = await start({
      apis: {
        'app.json': keylessApi(upstream.url),
        'slow.json': keylessApi(slow.url, { api_id: 'slow', proxy: { listen_path: '/slow/' } }),
      },
    })
    using connections = await connectionsToAll(gateway)
    await readRecords(redis.url)
    const pids = workersOf(gateway)
    const placeOf = ({ localPort }: Connection): number => places.findIndex((peers) => peers.has(localPort))
    const places = pids.map((pid) => acceptedBy(pid, gateway.port))
    const inFlight = Promise.all(
      connections.map(async (connection) => (await connection.get(`/slow/${placeOf(connection)}`)).status),
    )
    await eventually(() => expect(held).toHaveLength(connections.length))
    // Supervisors and terminals signal every process of a group.
    for (const pid of [...pids, gateway.program.pid]) process.kill(pid, 'SIGTERM')
    await gateway.program.waitForLine(/Waiting for in-flight requests/)
    for (const release of held) release()
    expect(new Set(await inFlight)).toEqual(new Set([200]))
    expect(await gateway.program.exited()).toBe(0)
    expect(pids.filter(isRunning)).toEqual([])
    expect(existsSync(join(gateway.dir, 'gateway.pid'))).toBe(false)
    for (const text of ['Shutdown signal received', 'All services gracefully shut down', 'Terminating.'])
      expect(linesWith(gateway, text), text).toBe(1)
    const records = (await readRecords(redis.url)).filter(({ apiId }) => apiId === 'slow')
    expect(records).toHaveLength(connections.length)
    // Each process has instants of its own.
    const instants = records.map(({ timestamp }) => `${timestamp.seconds}.${timestamp.nanos}`)
    expect(new Set(instants).size).toBe(connections.length)
    const rests = new Set(records.map(({ rawPath, timestamp }) => `${rawPath}: ${timestamp.nanos % WORKERS}`))
    expect(rests.size).toBe(WORKERS)
  })

  test('end with 1 and say so when none of them can be kept alive', async () => {
    await using gateway = await start()
    const file = join(gateway.dir, 'gateway.pid')
    await eventually(() => expect(existsSync(file)).toBe(true))
    let ended = false
    const code = gateway.program.exited().finally(() => (ended = true))
    await eventually(() => {
      if (!ended) for (const pid of workersOf(gateway)) process.kill(pid, 'SIGKILL')
      expect(ended).toBe(true)
    }, 30_000)
    expect(await code).toBe(1)
    expect(linesWith(gateway, 'The gateway cannot go on')).toBe(1)
    expect(existsSync(file)).toBe(false)
  })

  test('write their records and end when the parent is killed', async () => {
    await using gateway = await start()
    using connections = await connectionsToAll(gateway)
    await readRecords(redis.url)
    const pids = workersOf(gateway)
    expect(new Set(await statuses(connections, '/app/last'))).toEqual(new Set([200]))
    gateway.program.kill('SIGKILL')
    await eventually(() => expect(pids.filter(isRunning)).toEqual([]))
    let last = 0
    await recordsUntil(redis.url, ({ rawPath }) => rawPath.endsWith('/last') && ++last === connections.length)
  })

  test('tell the same about their health, and that the gateway is stopping', async () => {
    await using gateway = await start({
      conf: { liveness_check: { check_duration: 100_000_000 }, graceful_shutdown_delay_seconds: 2 },
    })
    using connections = await connectionsToAll(gateway)
    await eventually(async () => {
      const answers = await Promise.all(connections.map(async (each) => (await each.get('/hello')).body))
      expect(answers[0]).toContain('"details":{"redis":{"status":"pass"')
      expect(new Set(answers).size).toBe(1)
    })
    gateway.program.kill('SIGTERM')
    await eventually(async () => {
      expect(new Set(await statuses(connections, '/ready'))).toEqual(new Set([503]))
    })
    expect(new Set(await statuses(connections))).toEqual(new Set([200]))
    expect(await gateway.program.exited()).toBe(0)
  })

  test('write whole lines, however long', async () => {
    await using gateway = await start({ conf: { access_logs: { enabled: true } } })
    using connections = await connectionsToAll(gateway)
    const count = (): number => linesWith(gateway, 'prefix=access-log')
    await eventually(() => expect(count()).toBeGreaterThanOrEqual(connections.length))
    const before = count()
    const path = `/app/${'long/'.repeat(3000)}end`
    await Promise.all(
      connections.map(async (connection) => {
        for (let i = 0; i < 20; i++) await connection.get(path)
      }),
    )
    await eventually(() => expect(count() - before).toBe(20 * connections.length))
    const lines = gateway.program.output().trimEnd().split('\n')
    expect(lines.filter((line) => !line.startsWith('time="'))).toEqual([])
    expect(lines.filter((line) => line.includes('long/long') && !line.includes('long/end'))).toEqual([])
  })

  test('are refused a port in use with one line, and leave the file of whoever has it alone', async () => {
    await using first = await start()
    const file = join(first.dir, 'gateway.pid')
    await eventually(() => expect(existsSync(file)).toBe(true))
    await using second = await startWorkers({
      unchecked: true,
      redisPort: redis.port,
      conf: { listen_port: first.port, pid_file_location: file },
    })
    expect(await second.program.exited()).toBe(1)
    expect(linesWith(second, `127.0.0.1:${first.port} is in use`)).toBe(1)
    expect(linesWith(second, 'level=error')).toBe(0)
    expect(readFileSync(file, 'utf8')).toBe(String(first.program.pid))
    expect((await fetch(`${first.url}/app/x`)).status).toBe(200)
  })
})

describe.skipIf(procSkipReason())('without Redis, several workers', () => {
  test('go on with a TLS session whichever of them the client meets', async () => {
    await using authority = await createAuthority()
    const { file } = await authority.issue({ cn: 'gateway.test' })
    await using gateway = await startWorkers({
      unchecked: true,
      conf: { http_server_options: { use_ssl: true, ssl_certificates: [file] } },
    })
    await gateway.program.waitForLine(/Listening on port/)
    const connect = async (session?: Buffer): Promise<TLSSocket> => {
      const options = { port: gateway.port, host: '127.0.0.1', ca: authority.cert, servername: 'gateway.test' }
      const socket = tls.connect({ ...options, maxVersion: 'TLSv1.2', ...(session === undefined ? {} : { session }) })
      await once(socket, 'secureConnect')
      return socket
    }
    const first = await connect()
    const sockets: TLSSocket[] = [first]
    const met = (): number[] =>
      workersOf(gateway).map((pid) => {
        const peers = acceptedBy(pid, gateway.port)
        return sockets.filter(({ localPort = 0 }) => peers.has(localPort)).length
      })
    await eventually(async () => {
      sockets.push(...(await Promise.all(Array.from({ length: 8 }, () => connect(first.getSession())))))
      expect(Math.min(...met())).toBeGreaterThan(1)
    })
    expect(sockets.slice(1).filter((socket) => !socket.isSessionReused())).toEqual([])
    for (const socket of sockets) socket.destroy()
  })

  test('allow exactly the rate of an API', async () => {
    await using upstream = await startUpstream((_, response) => response.end('ok'))
    const limited = keylessApi(upstream.url, {
      api_id: 'limited',
      global_rate_limit: { rate: 50, per: 3600 },
      proxy: { listen_path: '/limited/' },
    })
    await using gateway = await startWorkers({
      apis: { 'app.json': keylessApi(upstream.url), 'limited.json': limited },
    })
    using connections = await connectionsToAll(gateway)
    const seen: number[] = []
    for (let i = 0; i < 20; i++) seen.push(...(await statuses(connections, '/limited/x')))
    expect(seen.filter((status) => status === 200)).toHaveLength(50)
    expect(new Set(seen)).toEqual(new Set([200, 429]))
  })
})

describe.skipIf(procSkipReason())('one worker', () => {
  test('is the gateway itself: no process stands before it', async () => {
    await using gateway = await startGateway({})
    expect(childrenOf(gateway.program.pid)).toEqual([])
  })
})
