import { type AddressInfo, type Socket, connect, createServer } from 'node:net'

export interface LossyRedis extends AsyncDisposable {
  readonly port: number
  /** Connections cut so far. */
  readonly cuts: () => number
  /** From now on, cuts the next connections that carry this text, once the server has answered and before the client knows. */
  loseReplies(text: string, times: number): void
}

/** A way to a Redis on which replies are lost although the commands arrived. */
export async function startLossyRedis(redisPort: number): Promise<LossyRedis> {
  const sockets = new Set<Socket>()
  let [text, left, cuts] = ['', 0, 0]
  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port: redisPort })
    let doomed = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (chunk) => {
      if (left > 0 && !doomed && chunk.includes(text)) {
        doomed = true
        left -= 1
      }
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (!doomed) return void client.write(chunk)
      cuts += 1
      client.destroy()
    })
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  return {
    port: (server.address() as AddressInfo).port,
    cuts: () => cuts,
    loseReplies: (wanted, times) => {
      ;[text, left] = [wanted, times]
    },
    [Symbol.asyncDispose]: async () => {
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      for (const socket of sockets) socket.destroy()
      await closed.promise
    },
  }
}
