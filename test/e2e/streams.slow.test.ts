/** Large bodies, many idle streams and slow readers: the gateway's memory stays flat. */
import http from 'node:http'
import net from 'node:net'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startGateway, type Gateway } from '../support/gateway.ts'
import { descriptorCount, idleRssMb, peakRssMb, rssMb } from '../support/usage.ts'
import { redisSkipReason, startRedis, type RedisServer } from '../support/redis.ts'

const GIB = 1024 ** 3
const MIB = 1024 ** 2
const MINUTES = 60_000

type Framing = 'length' | 'chunked'

function blocks(size: number): Readable {
  const block = Buffer.alloc(64 * 1024, 'x')
  let left = size
  return new Readable({
    read() {
      const part = left >= block.length ? block : block.subarray(0, left)
      left -= part.length
      this.push(part.length === 0 ? null : part)
    },
  })
}

/**
 * Takes any body and says its size; `/length/N` and `/chunked/N` send a body of N bytes, `/sse` sends one event and stays.
 * Upgrades are echoed.
 */
function startSink(): Promise<http.Server> {
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
    const [, framing, text] = (request.url ?? '').split('/')
    const size = Number(text)
    response.writeHead(200, {
      'Content-Type': 'application/octet-stream',
      ...(framing === 'length' && { 'Content-Length': size }),
    })
    pipeline(blocks(size), response).catch(() => {})
  })
  server.on('upgrade', (_, socket) => {
    socket.on('error', () => socket.destroy())
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    socket.pipe(socket)
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', 4096, () => resolve(server)))
}

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
    await warmUp()
  })
  afterAll(async () => {
    await gateway?.stop()
    sink?.closeAllConnections()
    sink?.close()
    await redis?.stop()
  })

  /** The heap of a process that has served nothing yet grows for other reasons than the size of a body. */
  async function warmUp(): Promise<void> {
    const agent = new http.Agent({ keepAlive: true })
    const client = async (): Promise<void> => {
      for (let i = 0; i < 500; i++) {
        await download('length', 100, agent)
        await upload('length', 1000, agent)
      }
    }
    await Promise.all(Array.from({ length: 16 }, client))
    agent.destroy()
  }

  async function growthDuring(work: () => Promise<unknown>): Promise<number> {
    const idle = await idleRssMb(gateway.program.pid)
    return (await peakRssMb(gateway.program.pid, work)) - idle
  }

  function download(framing: Framing, size: number, agent?: http.Agent): Promise<number> {
    return new Promise((resolve, reject) => {
      http
        .get(`${gateway.url}/app/${framing}/${size}`, { agent }, (response) => {
          let received = 0
          response.on('data', (chunk: Buffer) => (received += chunk.length))
          response.on('end', () => resolve(received))
          response.on('error', reject)
        })
        .on('error', reject)
    })
  }

  function upload(framing: Framing, size: number, agent?: http.Agent): Promise<number> {
    const headers = framing === 'length' ? { 'Content-Length': size } : {}
    return new Promise((resolve, reject) => {
      const request = http.request(`${gateway.url}/app/up`, { agent, method: 'POST', headers }, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () => resolve(Number(text)))
      })
      pipeline(blocks(size), request).catch(reject)
    })
  }

  const transfers = [
    ['down', 'length', download],
    ['down', 'chunked', download],
    ['up', 'length', upload],
    ['up', 'chunked', upload],
  ] as const

  test.each(transfers)(
    '1 GiB %s (%s) needs less than 50 MB more than the idle process',
    async (direction, framing, transfer) => {
      const growth = await growthDuring(async () => expect(await transfer(framing, GIB)).toBe(GIB))
      console.log(`1 GiB ${direction} (${framing}): ${growth.toFixed(1)} MB more`)
      expect(growth).toBeLessThan(50)
    },
    5 * MINUTES,
  )

  test(
    'a reader of 1 kB/s on a body of 100 MB does not make the gateway read ahead',
    async () => {
      const socket = net.connect(gateway.port, '127.0.0.1')
      socket.pause()
      const growth = await growthDuring(async () => {
        socket.write(`GET /app/length/${100 * MIB} HTTP/1.1\r\nHost: h\r\n\r\n`)
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
      await eventually(() => expect(descriptorCount(gateway.program.pid)).toBeLessThan(100), MINUTES)
    },
    3 * MINUTES,
  )
})
