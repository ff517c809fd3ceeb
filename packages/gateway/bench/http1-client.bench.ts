// What does a request cost our HTTP/1.1 client and undici's dispatch, 64 at a time, to a server in another process?
// Run: node --conditions=source bench/http1-client.bench.ts
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Pool } from 'undici'
import { Dialler } from '../src/proxy/dial.ts'
import { Http1Pool } from '../src/proxy/http1/pool.ts'
import { parseTarget } from '../src/proxy/upstream-url.ts'

const AT_ONCE = 64
const REQUESTS = 20_000
const ROUNDS = 9

const SERVER = `
const body = '{"message":"hello world, this is a small answer"}'
const server = require('http').createServer((_, res) => {
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
})
server.keepAliveTimeout = 60000
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
`

const server = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] })
const port = Number(String((await once(server.stdout, 'data'))[0]))
const origin = `http://127.0.0.1:${port}`
const headers = ['Host', `127.0.0.1:${port}`, 'User-Agent', 'bench', 'Accept', '*/*', 'X-Forwarded-For', '127.0.0.1']

const dialler = new Dialler({ tls: { connectOptions: () => ({}), check: () => {} }, proxyFor: () => null })
const ours = new Http1Pool({ keepAlive: true, maxIdlePerHost: AT_ONCE, maxIdle: 0, dialler })
const undici = new Pool(origin, { connections: AT_ONCE, pipelining: 1 })
const target = parseTarget(origin)

type Send = (done: () => void, failed: (err: Error) => void) => void

const withOurs: Send = (done, failed) => {
  ours.exchange(
    { target, method: 'GET', path: '/x', headers, body: null, contentLength: 0, timeoutMs: 0, upgrade: false },
    { onHead: () => {}, onData: () => true, onEnd: done, onUpgrade: done, onError: failed },
  )
}
const withUndici: Send = (done, failed) => {
  undici.dispatch(
    { method: 'GET', path: '/x', headers },
    {
      onRequestStart: () => {},
      onResponseStart: () => {},
      onResponseData: () => {},
      onResponseEnd: done,
      onResponseError: (_, err) => failed(err),
    },
  )
}

/** Microseconds of processor time per request. */
async function round(send: Send): Promise<number> {
  let left = REQUESTS
  const before = process.cpuUsage()
  await new Promise<void>((resolve, reject) => {
    let open = AT_ONCE
    const next = (): void => {
      if (left-- > 0) send(next, reject)
      else if (--open === 0) resolve()
    }
    for (let i = 0; i < AT_ONCE; i++) next()
  })
  const { user, system } = process.cpuUsage(before)
  return (user + system) / REQUESTS
}

const ratios: number[] = []
const figures: [number, number][] = []
for (let i = -2; i < ROUNDS; i++) {
  const own = await round(withOurs)
  const other = await round(withUndici)
  if (i < 0) continue
  ratios.push(other / own)
  figures.push([own, other])
}
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number
const [own, other] = [0, 1].map((i) => median(figures.map((each) => each[i] as number))) as [number, number]
console.log(`ours ${own.toFixed(1)} µs a request, undici ${other.toFixed(1)} µs: ×${median(ratios).toFixed(2)}`)
await ours.close()
await undici.destroy()
server.kill()
