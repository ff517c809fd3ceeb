// What does a chunk of a request body cost on its way to the upstream, held together or written piece by piece?
// Run: node --conditions=source bench/write-chunk.bench.ts
import { once } from 'node:events'
import net from 'node:net'
import { writeChunk } from '../src/proxy/http1/write-chunk.ts'

const CHUNKS = 2000
const ROUNDS = 21

const server = net.createServer((socket) => socket.resume())
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as net.AddressInfo
const socket = net.connect(port, '127.0.0.1')
await once(socket, 'connect')
socket.setNoDelay(true)

type Write = (chunk: Buffer, onWritten: () => void) => void

const WAYS: readonly (readonly [string, Write])[] = [
  ['writeChunk', (chunk, onWritten) => void writeChunk(socket, chunk, onWritten)],
  [
    'three writes',
    (chunk, onWritten) => {
      socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
      socket.write(chunk)
      socket.write('\r\n', 'latin1', onWritten)
    },
  ],
  [
    'copied into one buffer',
    (chunk, onWritten) => {
      const framed = [Buffer.from(`${chunk.length.toString(16)}\r\n`, 'latin1'), chunk, Buffer.from('\r\n', 'latin1')]
      socket.write(Buffer.concat(framed), onWritten)
    },
  ],
]

/** Microseconds of processor time per chunk, the reader's included. */
async function round(write: Write, chunk: Buffer): Promise<number> {
  const before = process.cpuUsage()
  for (let i = 0; i < CHUNKS; i++) await new Promise<void>((resolve) => write(chunk, resolve))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / CHUNKS
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number

for (const bytes of [1000, 64 * 1024]) {
  const chunk = Buffer.alloc(bytes, 'x')
  const rounds = WAYS.map(() => [] as number[])
  for (let i = -3; i < ROUNDS; i++) {
    for (const [at, [, write]] of WAYS.entries()) {
      const micros = await round(write, chunk)
      // The first rounds warm up.
      if (i >= 0) rounds[at]!.push(micros)
    }
  }
  console.log(`\na chunk of ${bytes} bytes`)
  WAYS.forEach(([name], at) => console.log(`  ${name.padEnd(24)} ${median(rounds[at]!).toFixed(1)} µs`))
}
socket.destroy()
server.close()
