import net from 'node:net'

const LIST = 'analytics-tyk-system-analytics'
/** Longer than the gateway keeps a record before it writes it. */
const QUIET_MS = 400

/** Waits until no more records arrive, then counts and removes them. */
export async function countAndClear(port: number): Promise<number> {
  let count = -1
  for (;;) {
    const now = await command(port, ['LLEN', LIST])
    if (now === count) break
    count = now
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS))
  }
  await command(port, ['DEL', LIST])
  return count
}

/** One Redis command whose reply is an integer. */
function command(port: number, parts: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(`${parts.join(' ')}\r\n`))
    socket.once('data', (data) => {
      socket.destroy()
      resolve(Number(data.toString().slice(1)))
    })
    socket.once('error', reject)
  })
}
