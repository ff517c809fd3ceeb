/** Large bodies, many idle streams and slow readers: the gateway's memory stays flat. */
import { readFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../support/redis.ts'

const GIB = 1024 ** 3
const MIB = 1024 ** 2
const MINUTES = 60_000

/** Sends and takes whatever size it is asked for; `/sse` sends one event and stays; upgrades are echoed. */
function startSink(): Promise<http.Server> {
  const block = Buffer.alloc(64 * 1024, 'x')
  const server = http.createServer((request, response) => {
    if (request.url === '/sse') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.write('data: first\n\n')
      return
    }
    if (request.method === 'POST') {
      let size = 0
      request.on('data', (chunk: Buffer) => (size += chunk.length))
      request.on('end', () => response.end(String(size)))
      return
    }
    const size = Number(request.url?.slice(1))
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': size })
    let left = size
    const source = new Readable({
      read() {
        const part = left >= block.length ? block : block.subarray(0, left)
        left -= part.length
        this.push(part.length === 0 ? null : part)
      },
    })
    pipeline(source, response).catch(() => {})
  })
  server.on('upgrade', (_, socket) => {
    socket.on('error', () => socket.destroy())
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    socket.pipe(socket)
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', 4096, () => resolve(server)))
}

const rssMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

describe.skipIf(redisSkipReason() ?? process.platform !== 'linux')('memory', () => {
  let redis: RedisServer
  let sink: http.Server
  let gateway: Gateway

  beforeAll(async () => {
    redis = await startRedis()
    sink = await startSink()
    const { port } = sink.address() as net.AddressInfo
    gateway = await startGateway({
      redisPort: redis.port,
      apis: {
        'app.json': {
          name: 'app',
          api_id: 'app',
          use_keyless: true,
          version_data: { not_versioned: true, versions: { Default: { name: 'Default' } } },
          proxy: { listen_path: '/app/', target_url: `http://127.0.0.1:${port}`, strip_listen_path: true },
        },
      },
      conf: { http_server_options: { enable_websockets: true, write_timeout: 3600, read_timeout: 3600 } },
    })
    // The heap of a process that has served nothing yet grows for other reasons.
    for (let i = 0; i < 20; i++) await download(20 * MIB)
  })
  afterAll(async () => {
    await gateway?.stop()
    sink?.closeAllConnections()
    sink?.close()
    await redis?.stop()
  })

  /** The highest memory use, in MB, while something runs. */
  async function highestDuring(work: () => Promise<void>): Promise<number> {
    let highest = rssMb(gateway.program.pid)
    const timer = setInterval(() => (highest = Math.max(highest, rssMb(gateway.program.pid))), 50)
    await work()
    clearInterval(timer)
    return highest
  }

  async function growthDuring(work: () => Promise<void>): Promise<number> {
    const before = rssMb(gateway.program.pid)
    return (await highestDuring(work)) - before
  }

  /** What a large body needs beyond what many small ones keep in use: young buffers wait for a collection either way. */
  async function growthWithSize(send: (size: number) => Promise<void>): Promise<number> {
    const small = await highestDuring(async () => {
      for (let i = 0; i < 50; i++) await send(20 * MIB)
    })
    return (await highestDuring(() => send(GIB))) - small
  }

  function download(size: number): Promise<number> {
    return new Promise((resolve, reject) => {
      http
        .get(`${gateway.url}/app/${size}`, (response) => {
          let received = 0
          response.on('data', (chunk: Buffer) => (received += chunk.length))
          response.on('end', () => resolve(received))
          response.on('error', reject)
        })
        .on('error', reject)
    })
  }

  function upload(size: number): Promise<string> {
    const block = Buffer.alloc(64 * 1024, 'u')
    let left = size
    const body = new Readable({
      read() {
        const part = left >= block.length ? block : block.subarray(0, left)
        left -= part.length
        this.push(part.length === 0 ? null : part)
      },
    })
    return new Promise((resolve, reject) => {
      const request = http.request(`${gateway.url}/app/up`, { method: 'POST' }, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () => resolve(text))
      })
      pipeline(body, request).catch(reject)
    })
  }

  test(
    'a body of 1 GiB, down or up, needs less than 50 MB more than as many bytes in bodies of 20 MiB',
    async () => {
      const down = await growthWithSize(async (size) => expect(await download(size)).toBe(size))
      const up = await growthWithSize(async (size) => expect(await upload(size)).toBe(String(size)))
      console.log(`growth: ${down.toFixed(1)} MB down, ${up.toFixed(1)} MB up`)
      expect(down).toBeLessThan(50)
      expect(up).toBeLessThan(50)
    },
    5 * MINUTES,
  )

  test(
    'a reader of 1 kB/s on a body of 100 MB does not make the gateway read ahead',
    async () => {
      const socket = net.connect(gateway.port, '127.0.0.1')
      socket.pause()
      const growth = await growthDuring(async () => {
        socket.write(`GET /app/${100 * MIB} HTTP/1.1\r\nHost: h\r\n\r\n`)
        for (let second = 0; second < 10; second++) {
          socket.read(1024)
          await delay(1000)
        }
      })
      socket.destroy()
      console.log(`growth: ${growth.toFixed(1)} MB`)
      expect(growth).toBeLessThan(20)
    },
    MINUTES,
  )

  test(
    '2,000 idle WebSockets and 500 event streams are held, and let go, with flat memory',
    async () => {
      const sockets: net.Socket[] = []
      const open = async (head: string, until: string): Promise<void> => {
        const socket = net.connect(gateway.port, '127.0.0.1')
        sockets.push(socket)
        socket.on('error', () => {})
        socket.write(head)
        let text = ''
        while (!text.includes(until)) text += ((await once(socket, 'data')) as [Buffer])[0].toString()
      }
      const upgrade = 'GET /app/ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
      const events = 'GET /app/sse HTTP/1.1\r\nHost: h\r\n\r\n'
      for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 100 }, () => open(upgrade, '\r\n\r\n')))
      for (let i = 0; i < 5; i++) await Promise.all(Array.from({ length: 100 }, () => open(events, 'first')))
      const held = rssMb(gateway.program.pid)
      const growth = await growthDuring(() => delay(15_000))
      console.log(`held at ${held.toFixed(0)} MB, growth in 15 s: ${growth.toFixed(1)} MB`)
      expect(growth).toBeLessThan(20)
      for (const socket of sockets) socket.destroy()
      const descriptors = `/proc/${gateway.program.pid}/fd`
      const { readdirSync } = await import('node:fs')
      await eventually(() => expect(readdirSync(descriptors).length).toBeLessThan(100), MINUTES)
    },
    3 * MINUTES,
  )
})
