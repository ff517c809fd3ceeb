/**
 * One bench: a gateway, two upstreams and a Redis of its own. Several benches run side by side;
 * they do not share a Redis server, because gateways on one server would see each other.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { secret } from './base.mjs'
import { startChild, stopChild } from './children.mjs'
import { differences } from './compare.mjs'
import { createGateway } from './gateway.mjs'
import { freePort } from './ports.mjs'
import { connectRedis } from './redis.mjs'
import { play } from './scenario.mjs'
import { startUpstream } from './upstream.mjs'
import { fillIn, saveVector } from './vector.mjs'

/**
 * @typedef {{path: string, area: string, diffs: {path: string, expected: any, got: any}[], error: string, ms: number, log?: string}} Result
 */

/**
 * @param {object} options
 * @param {string} options.command
 * @param {string} options.dir
 * @param {string} [options.redisUrl] absent: the bench starts a redis-server
 * @param {boolean} options.record
 */
export async function createBench ({ command, dir, redisUrl, record }) {
  await mkdir(dir, { recursive: true })
  const server = redisUrl ? null : await startRedis(dir)
  const url = new URL(redisUrl ?? `redis://127.0.0.1:${server?.port}/0`)
  const redis = await connectRedis(url.href)
  const upstreams = [await startUpstream(1, freePort), await startUpstream(2, freePort)]
  const port = await freePort()
  const gateway = createGateway({ command, dir, port, redisPort: Number(url.port || 6379), redisDb: Number(url.pathname.slice(1) || 0) })
  const values = {
    upstream: `127.0.0.1:${upstreams[0].port}`,
    upstream2: `127.0.0.1:${upstreams[1].port}`,
    gateway: `127.0.0.1:${port}`,
    gatewayLocal: `localhost:${port}`,
    refused: `127.0.0.1:${await freePort()}`,
    secret,
    dir,
  }

  return {
    /** @param {any} vector @returns {Promise<Result>} */
    async run (vector) {
      const from = Date.now()
      /** @type {Result} */
      const result = { path: vector.path, area: vector.area, diffs: [], error: '', ms: 0 }
      try {
        await redis.command('FLUSHDB')
        await gateway.prepare(vector, (value) => fillIn(value, values))
        const seen = await play(vector, { port, upstreams, redis, values })
        const expected = { steps: vector.steps.map(({ expect }) => ({ expect })), records: vector.records }
        const got = { steps: seen.steps.map((expect) => ({ expect })), records: seen.records }
        result.diffs = differences(expected, got, vector.ignore)
        if (record && result.diffs.length > 0) {
          const steps = vector.steps.map((step, i) => ({ ...step, expect: seen.steps[i] }))
          await saveVector({ ...vector, steps, records: seen.records })
        }
      } catch (error) {
        result.error = String(error.message)
        result.log = gateway.log()
      }
      result.ms = Date.now() - from
      return result
    },
    async close () {
      await gateway.stop()
      for (const upstream of upstreams) upstream.close()
      redis.close()
      if (server) await stopChild(server.child, 1000)
    },
  }
}

/** @param {string} dir */
async function startRedis (dir) {
  const port = await freePort()
  const child = startChild(process.env.REDIS_SERVER_BIN || 'redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], { stdio: 'ignore', cwd: dir })
  child.on('error', () => console.error('redis-server was not found: install it, or pass --redis'))
  for (let tries = 0; tries < 100; tries++) {
    await sleep(50)
    const redis = await connectRedis(`redis://127.0.0.1:${port}/0`).catch(() => null)
    if (!redis) continue
    redis.close()
    return { port, child }
  }
  throw new Error('redis-server does not answer')
}
