// What does a request cost that goes over a connection which was idle before, one after the other, to a server in another
// process? Of undici's versions some let it wait for a timer; those in use here must not
// (packages/gateway/test/idle-connection.test.ts, which holds without a clock).
// Run: node --conditions=source bench/undici-idle.bench.ts [FOLDER OF ANOTHER VERSION OF UNDICI]...
//
// Medians of 15 rounds (Node 24.21, two cores): our own client 0.139 ms, undici 7.30.2 of the stock peer 0.189 ms, undici
// 8.13.1 of the gateway 0.189 ms. Beside them undici 7.27.2, from before the trap, 0.158 ms, and 7.29.0, which has it,
// 1.339 ms. Version 8.8.0 is left out: it waits half a second where nothing else wakes the process.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import path from 'node:path'
import * as undici from 'undici'
import type { Dispatcher } from 'undici'
import { Dialler } from '../src/proxy/dial.ts'
import { Http1Pool } from '../src/proxy/http1/pool.ts'
import { parseTarget } from '../src/proxy/upstream-url.ts'
import { loadStockUndici } from '../test/support/stock-undici.ts'

const REQUESTS = 200
const ROUNDS = 15
const HEADERS = ['Host', 'upstream.test', 'User-Agent', 'bench', 'Accept', '*/*']

const SERVER = `
const server = require('http').createServer((_, res) => res.end('hello'))
server.keepAliveTimeout = 60000
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
`

type Send = (done: () => void, failed: (err: Error) => void) => void

const server = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] })
const port = Number(String((await once(server.stdout, 'data'))[0]))
const origin = `http://127.0.0.1:${port}`

const stock = loadStockUndici()

const through =
  (dispatcher: Dispatcher): Send =>
  (done, failed) => {
    dispatcher.dispatch(
      { origin, method: 'GET', path: '/x', headers: HEADERS },
      {
        onRequestStart: () => {},
        onResponseStart: () => {},
        onResponseData: () => {},
        onResponseEnd: done,
        onResponseError: (_, err) => failed(err),
      },
    )
  }

const dialler = new Dialler({ tls: { connectOptions: () => ({}), check: () => {} }, proxyFor: () => null })
const ours = new Http1Pool({ keepAlive: true, maxIdlePerHost: 1, maxIdle: 0, dialler })
const target = parseTarget(origin)
const withOurs: Send = (done, failed) => {
  ours.exchange(
    { target, method: 'GET', path: '/x', headers: HEADERS, body: null, contentLength: 0, timeoutMs: 0, upgrade: false },
    { onHead: () => {}, onData: () => true, onEnd: done, onUpgrade: done, onError: failed },
  )
}

const versions: [string, typeof undici][] = [
  [`undici ${stock.version}, of the stock peer`, stock.undici],
  ['the undici of the gateway', undici],
]
for (const folder of process.argv.slice(2)) {
  versions.push([
    `undici in ${path.basename(folder)}`,
    createRequire(import.meta.url)(path.resolve(folder)) as typeof undici,
  ])
}
const pools = versions.map(([name, { Pool }]) => ({ name, pool: new Pool(origin, { connections: 1 }) }))
const contenders: { name: string; send: Send; millis: number[] }[] = [
  { name: 'our own client', send: withOurs, millis: [] },
  ...pools.map(({ name, pool }) => ({ name, send: through(pool), millis: [] })),
]

/** Median time of a request, in milliseconds. The next one begins in a later turn, as a client's would. */
async function round(send: Send): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < REQUESTS; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    const start = performance.now()
    await new Promise<void>((resolve, reject) => send(resolve, reject))
    times.push(performance.now() - start)
  }
  return median(times)
}
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number

for (let i = -2; i < ROUNDS; i++) {
  for (const { send, millis } of contenders) {
    const took = await round(send)
    if (i >= 0) millis.push(took)
  }
}
for (const { name, millis } of contenders) console.log(`${name.padEnd(40)} ${median(millis).toFixed(3)} ms a request`)
await ours.close()
await Promise.all(pools.map(({ pool }) => pool.destroy()))
server.kill()
