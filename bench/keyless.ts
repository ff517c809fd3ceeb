import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { startRedis } from '../test/support/redis.ts'
import { closedLoop, type LoadResult } from './lib/load.ts'
import { proxyServer, startNginx, staticServer } from './lib/nginx.ts'
import { freePort, LOAD_CORE, start, TEST_CORE, type Running } from './lib/processes.ts'
import { countAndClear } from './lib/records.ts'
import { printReport, type Measured } from './lib/report.ts'

export interface BenchOptions {
  readonly rounds: number
  readonly seconds: number
  readonly connections: number
}

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Keyless API with analytics, beside nginx as a proxy and stock @fastify/http-proxy without analytics.
 *
 * The programs take turns, round by round, on one core; load generator and upstream share the other.
 */
export async function benchKeyless(options: BenchOptions): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'tek-bench-'))
  const running: Running[] = []
  await using redis = await startRedis()
  try {
    const upstreamPort = await freePort()
    running.push(
      await startNginx(path.join(directory, 'upstream'), staticServer(upstreamPort), LOAD_CORE, upstreamPort),
    )
    const programs: Record<string, Program> = {
      gateway: await startGateway(directory, upstreamPort, redis.port, true),
      'gateway, analytics off': await startGateway(directory, upstreamPort, redis.port, false),
      'stock @fastify/http-proxy': await startStock(upstreamPort),
      nginx: await startProxy(directory, upstreamPort),
    }
    running.push(...Object.values(programs).map((program) => program.process))
    const measured = await takeTurns(programs, options, redis.port)
    printReport('Keyless, analytics on', measured, 'gateway', options)
  } finally {
    for (const each of running.toReversed()) await each.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Program {
  readonly process: Running
  readonly url: string
  readonly records: boolean
}

const WARM_UP_SECONDS = 2

async function takeTurns(
  programs: Readonly<Record<string, Program>>,
  { rounds, seconds, connections }: BenchOptions,
  redisPort: number,
): Promise<Measured> {
  for (const { url, process } of Object.values(programs))
    await closedLoop(url, process.pid, WARM_UP_SECONDS, connections)
  await countAndClear(redisPort)
  const measured: Record<string, LoadResult[]> = {}
  for (let round = 0; round < rounds; round++) {
    for (const [name, { url, process, records }] of Object.entries(programs)) {
      const result = await closedLoop(url, process.pid, seconds, connections)
      ;(measured[name] ??= []).push(result)
      if (records) await checkComplete(name, result.requests, connections, redisPort)
    }
  }
  return measured
}

/** Speed must not be bought with loss: every answered request has its record; those cut at the end may have one. */
async function checkComplete(name: string, requests: number, connections: number, redisPort: number): Promise<void> {
  const records = await countAndClear(redisPort)
  if (records >= requests && records <= requests + connections) return
  throw new Error(`${name}: ${requests} requests answered, but ${records} records in Redis`)
}

async function startGateway(
  directory: string,
  upstreamPort: number,
  redisPort: number,
  analytics: boolean,
): Promise<Program> {
  const port = await freePort()
  const home = path.join(directory, analytics ? 'gateway' : 'gateway-plain')
  mkdirSync(path.join(home, 'apps'), { recursive: true })
  writeFileSync(
    path.join(home, 'tyk.conf'),
    JSON.stringify({
      listen_address: '127.0.0.1',
      listen_port: port,
      secret: 'bench',
      template_path: home,
      app_path: path.join(home, 'apps'),
      storage: { type: 'redis', host: '127.0.0.1', port: redisPort },
      enable_analytics: analytics,
      analytics_config: { storage_expiration_time: 600 },
      hash_keys: true,
      pid_file_location: path.join(home, 'gateway.pid'),
      log_level: 'error',
    }),
  )
  writeFileSync(
    path.join(home, 'apps', 'bench.json'),
    JSON.stringify({
      name: 'bench',
      api_id: 'bench',
      use_keyless: true,
      version_data: { not_versioned: true, versions: { default: { name: 'default' } } },
      proxy: { listen_path: '/bench/', target_url: `http://127.0.0.1:${upstreamPort}/`, strip_listen_path: true },
    }),
  )
  const main = path.join(root, 'packages/gateway/dist/main.js')
  const process = await start([globalThis.process.execPath, main, `--conf=${home}/tyk.conf`], TEST_CORE, port)
  return { process, url: `http://127.0.0.1:${port}/bench/get`, records: analytics }
}

async function startStock(upstreamPort: number): Promise<Program> {
  const port = await freePort()
  const script = path.join(root, 'bench/peers/stock-http-proxy.mjs')
  const command = [globalThis.process.execPath, script, String(port), `http://127.0.0.1:${upstreamPort}`]
  // The peer's packages are those of the gateway.
  const process = await start(command, TEST_CORE, port, { cwd: path.join(root, 'packages/gateway') })
  return { process, url: `http://127.0.0.1:${port}/bench/get`, records: false }
}

async function startProxy(directory: string, upstreamPort: number): Promise<Program> {
  const port = await freePort()
  const process = await startNginx(path.join(directory, 'proxy'), proxyServer(port, upstreamPort), TEST_CORE, port)
  return { process, url: `http://127.0.0.1:${port}/bench/get`, records: false }
}
