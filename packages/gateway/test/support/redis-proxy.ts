import { once } from 'node:events'
import net from 'node:net'

/** Stands between a client and its Redis, and breaks the connection on demand. */
export interface RedisProxy extends AsyncDisposable {
  readonly port: number
  /** Clients that connect from now on reach this port. */
  leadTo(port: number): void
  /** The next bytes that Redis answers do not arrive: the connection ends instead. */
  loseNextAnswer(): void
  /** After so many more bytes from clients the connection ends, with what was before them passed on. */
  cutAfter(bytes: number): void
}

export async function startRedisProxy(redisPort: number): Promise<RedisProxy> {
  let target = redisPort
  let losesAnswer = false
  let bytesLeft = Infinity
  const sockets = new Set<net.Socket>()
  const keep = (socket: net.Socket): void => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  }
  const server = net.createServer((client) => {
    const redis = net.connect(target, '127.0.0.1')
    keep(client)
    keep(redis)
    client.once('close', () => redis.end())
    redis.once('close', () => client.destroy())
    client.on('data', (chunk: Buffer) => {
      const passed = chunk.subarray(0, Math.min(chunk.length, bytesLeft))
      bytesLeft -= passed.length
      redis.write(passed)
      if (bytesLeft > 0) return
      bytesLeft = Infinity
      client.destroy()
    })
    redis.on('data', (chunk: Buffer) => {
      if (losesAnswer) {
        losesAnswer = false
        client.destroy()
      } else {
        client.write(chunk)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as net.AddressInfo).port,
    leadTo: (port) => void (target = port),
    loseNextAnswer: () => void (losesAnswer = true),
    cutAfter: (bytes) => void (bytesLeft = bytes),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
