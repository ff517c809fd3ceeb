// What does a new connection cost the parent of the workers, when it hands each over (Node's default) and when the workers
// accept by themselves? And how many of the connections does the busier of two workers get?
// Run: node --conditions=source bench/shared-port.bench.ts
import { fork, spawnSync, type ChildProcess } from 'node:child_process'
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import net from 'node:net'
import { fileURLToPath } from 'node:url'

const WORKERS = 2
const CONNECTIONS = 19_200
const AT_ONCE = 64
const ROUNDS = 3
const WAYS = { 'handed over': cluster.SCHED_RR, accepted: cluster.SCHED_NONE } as const

const here = fileURLToPath(import.meta.url)
const [way, port] = process.argv.slice(2)

if (cluster.isWorker) await serve()
else if (port !== undefined) await connectAgainAndAgain(Number(port))
else if (way !== undefined) await measure(way as keyof typeof WAYS)
else for (let round = 0; round < ROUNDS; round++) for (const one of Object.keys(WAYS)) inItsOwnProcess(one)

/** What hands connections over is settled with the first worker of a process. */
function inItsOwnProcess(one: string): void {
  const { status } = spawnSync(process.execPath, [...process.execArgv, here, one], { stdio: 'inherit' })
  if (status !== 0) throw new Error(`${one}: ended with ${status}`)
}

async function serve(): Promise<void> {
  let count = 0
  const server = net.createServer((socket) => {
    count++
    socket.end()
  })
  process.on('message', () => process.send?.(count))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
}

async function connectAgainAndAgain(to: number): Promise<void> {
  const inTurn = async (): Promise<void> => {
    for (let i = 0; i < CONNECTIONS / AT_ONCE; i++) await once(net.connect(to, '127.0.0.1').resume(), 'close')
  }
  await Promise.all(Array.from({ length: AT_ONCE }, inTurn))
}

async function measure(of: keyof typeof WAYS): Promise<void> {
  cluster.schedulingPolicy = WAYS[of]
  const workers = Array.from({ length: WORKERS }, () => cluster.fork())
  const addresses = await Promise.all(
    workers.map(async (worker) => (await once(worker, 'listening')) as [net.AddressInfo]),
  )
  const before = process.cpuUsage()
  await ended(fork(here, ['client', String(addresses[0]![0].port)]))
  const { user, system } = process.cpuUsage(before)
  const counts = await Promise.all(workers.map(countOf))
  for (const worker of workers) worker.kill()
  const share = (100 * Math.max(...counts)) / counts.reduce((sum, count) => sum + count, 0)
  console.log(
    `${of.padEnd(12)} ${((user + system) / CONNECTIONS).toFixed(1).padStart(6)} µs of the parent for a connection, ` +
      `the busier worker gets ${share.toFixed(0)} %`,
  )
}

async function ended(child: ChildProcess): Promise<void> {
  const [status] = (await once(child, 'exit')) as [number | null]
  if (status !== 0) throw new Error(`the client ended with ${status}`)
}

async function countOf(worker: Worker): Promise<number> {
  worker.send('how many?')
  const [count] = (await once(worker, 'message')) as [number]
  return count
}
