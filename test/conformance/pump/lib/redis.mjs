/** A Redis client of a few lines: commands in, replies out, and a server started when none answers. */
import { spawn } from 'node:child_process'
import net from 'node:net'

export class Redis {
  #socket
  #buffer = Buffer.alloc(0)
  /** @type {{resolve: (value: any) => void, reject: (error: Error) => void}[]} */
  #waiting = []

  /** @param {number} port @returns {Promise<Redis>} */
  static connect(port) {
    return new Promise((resolve, reject) => {
      const client = new Redis()
      client.#socket = net.connect(port, '127.0.0.1', () => resolve(client))
      client.#socket.on('error', (error) => {
        reject(error)
        for (const { reject: fail } of client.#waiting.splice(0)) fail(error)
      })
      client.#socket.on('data', (data) => client.#read(data))
    })
  }

  /** @param {...(string|number|Buffer)} args @returns {Promise<any>} */
  command(...args) {
    const parts = [Buffer.from(`*${args.length}\r\n`)]
    for (const arg of args) {
      const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg))
      parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'))
    }
    this.#socket.write(Buffer.concat(parts))
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  close() {
    this.#socket.destroy()
  }

  #read(data) {
    this.#buffer = Buffer.concat([this.#buffer, data])
    for (;;) {
      const reply = parse(this.#buffer, 0)
      if (!reply) return
      this.#buffer = this.#buffer.subarray(reply.end)
      const waiter = this.#waiting.shift()
      if (reply.value instanceof Error) waiter?.reject(reply.value)
      else waiter?.resolve(reply.value)
    }
  }
}

function parse(buffer, at) {
  const eol = buffer.indexOf('\r\n', at)
  if (eol < 0) return null
  const line = buffer.toString('latin1', at + 1, eol)
  const end = eol + 2
  switch (String.fromCharCode(buffer[at])) {
    case '+': return { value: line, end }
    case '-': return { value: new Error(line), end }
    case ':': return { value: Number(line), end }
    case '$': {
      const size = Number(line)
      if (size < 0) return { value: null, end }
      if (buffer.length < end + size + 2) return null
      return { value: Buffer.from(buffer.subarray(end, end + size)), end: end + size + 2 }
    }
    default: {
      const items = []
      let next = end
      for (let i = 0; i < Number(line); i++) {
        const item = parse(buffer, next)
        if (!item) return null
        items.push(item.value)
        next = item.end
      }
      return { value: items, end: next }
    }
  }
}

/**
 * Connects to the port; starts a redis-server of our own there when nobody answers.
 * @param {number} port
 * @returns {Promise<{client: Redis, stop: () => void}>}
 */
export async function openRedis(port) {
  let server
  process.on('exit', () => server?.kill('SIGKILL'))
  for (let attempt = 0; ; attempt++) {
    try {
      const client = await Redis.connect(port)
      await client.command('PING')
      const foreign = (await client.command('KEYS', '*')).map(String).filter((key) => !/tyk-system-analytics|^host-checker:|^version-check-/.test(key))
      if (foreign.length > 0) throw Object.assign(new Error(`Redis on port ${port} holds other data (${foreign[0]} …); vectors begin with FLUSHALL`), { fatal: true })
      return { client, stop: () => { client.close(); server?.kill('SIGTERM') } }
    } catch (error) {
      if (attempt === 50 || error.fatal) throw error
      server ??= spawn(process.env.REDIS_SERVER_BIN || 'redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
        { stdio: 'ignore' })
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
