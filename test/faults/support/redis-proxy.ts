import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'
import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { MessageSplitter, readCommand } from './resp.ts'

export interface RedisCommand {
  /** The command in upper case; of a script of the pump its file's name, e.g. `take-lease`. */
  readonly name: string
  /** What follows: of a script its keys and arguments. */
  readonly args: readonly string[]
}

/** `request`: Redis has not seen the command. `reply`: Redis has obeyed it, and the client does not know. */
export type Side = 'request' | 'reply'

export interface HeldCommand {
  /** Resolves when a command is held. Nothing after it on the same connection passes either. */
  readonly reached: Promise<RedisCommand>
  /** Cuts its connection; a command on the side of the request never reaches Redis. */
  cut(): void
}

/** A way to Redis on which every command can be held, delayed or lost. */
export interface RedisProxy extends AsyncDisposable {
  readonly port: number
  /** Holds the next command that matches; on the side of the reply `reply` begins as Redis's answer does. */
  hold(side: Side, matches: (command: RedisCommand, reply: string) => boolean): HeldCommand
  /** Looks at every command before it goes on to Redis, and at its answer before it goes on to the client; both wait for it. */
  look: ((side: Side, command: RedisCommand, reply: string) => Promise<void> | undefined) | null
  /** Ms that everything takes longer, half on the way there and half on the way back. */
  latencyMs: number
  /** Cuts every connection, and every new one at once. */
  away(isAway: boolean): void
  /** Passes nothing on, in either direction, until it is told otherwise. */
  hang(isHanging: boolean): void
  /** Cuts every connection; new ones lead to another server. */
  lead(port: number): void
}

interface Hold {
  readonly side: Side
  readonly matches: (command: RedisCommand, reply: string) => boolean
  readonly reach: (command: RedisCommand, cut: () => void) => void
}

export async function startRedisProxy(redisPort: number): Promise<RedisProxy> {
  const names = scriptNames()
  const sockets = new Set<Socket>()
  const holds = new Set<Hold>()
  let target = redisPort
  let look: RedisProxy['look'] = null
  let latencyMs = 0
  let isAway = false
  let wakeUp = Promise.resolve()
  let wake = (): void => undefined

  /** Resolves when a message may pass; never for one that is held. */
  const pass = async (side: Side, command: RedisCommand, reply: string, cut: () => void): Promise<void> => {
    for (const hold of holds) {
      if (hold.side !== side || !hold.matches(command, reply)) continue
      holds.delete(hold)
      hold.reach(command, cut)
      await new Promise<never>(() => undefined)
    }
    await wakeUp
    await look?.(side, command, reply)
  }

  const server = createServer((client) => {
    if (isAway) return void client.destroy()
    const redis = connect({ host: '127.0.0.1', port: target, noDelay: true })
    client.setNoDelay(true)
    const cut = (): void => {
      client.destroy()
      redis.destroy()
    }
    const unanswered: RedisCommand[] = []
    for (const socket of [client, redis]) {
      sockets.add(socket)
      socket.on('error', cut)
      socket.once('close', () => {
        sockets.delete(socket)
        cut()
      })
    }
    relay(client, async (message, at) => {
      const command = commandOf(message, names)
      await untilOld(at, latencyMs / 2)
      await pass('request', command, '', cut)
      unanswered.push(command)
      redis.write(message)
    })
    relay(redis, async (message, at) => {
      const command = unanswered.shift() ?? { name: '', args: [] }
      await untilOld(at, latencyMs / 2)
      await pass('reply', command, message.toString('latin1', 0, 40), cut)
      client.write(message)
    })
  })
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', resolve)
  await listening
  const cutAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    get look() {
      return look
    },
    set look(value) {
      look = value
    },
    get latencyMs() {
      return latencyMs
    },
    set latencyMs(value) {
      latencyMs = value
    },
    hold(side, matches) {
      const { promise: reached, resolve: reachedBy } = Promise.withResolvers<RedisCommand>()
      let cutHeld = (): void => undefined
      const hold: Hold = {
        side,
        matches,
        reach: (command, cut) => {
          cutHeld = cut
          reachedBy(command)
        },
      }
      holds.add(hold)
      return {
        reached,
        cut: () => {
          holds.delete(hold)
          cutHeld()
        },
      }
    },
    away(away) {
      isAway = away
      if (away) cutAll()
    },
    hang(isHanging) {
      wake()
      if (!isHanging) return
      const { promise, resolve: end } = Promise.withResolvers<void>()
      wakeUp = promise
      wake = end
    },
    lead(port) {
      target = port
      cutAll()
    },
    async [Symbol.asyncDispose]() {
      wake()
      const { promise, resolve: closed } = Promise.withResolvers<void>()
      server.close(() => closed())
      cutAll()
      await promise
    },
  }
}

/** Hands message by message on, in order, each with the instant at which it came. */
function relay(from: Socket, forward: (message: Buffer, at: number) => Promise<void>): void {
  const splitter = new MessageSplitter()
  let last = Promise.resolve()
  from.on('data', (chunk: Buffer) => {
    const at = Date.now()
    for (const message of splitter.push(chunk)) last = last.then(() => forward(message, at))
  })
}

async function untilOld(at: number, ms: number): Promise<void> {
  const left = at + ms - Date.now()
  if (ms > 0 && left > 0) await delay(left)
}

/** By the hash under which Redis knows a script. */
function scriptNames(): ReadonlyMap<string, string> {
  const folder = fileURLToPath(new URL('../../../packages/pump/src', import.meta.url))
  const files = globSync('**/scripts/*.lua', { cwd: folder })
  return new Map(files.map((file) => [sha1(readFileSync(`${folder}/${file}`)), basename(file, '.lua')]))
}

const sha1 = (text: Buffer): string => createHash('sha1').update(text).digest('hex')

function commandOf(message: Buffer, names: ReadonlyMap<string, string>): RedisCommand {
  const [first, script, , ...rest] = readCommand(message)
  const name = String(first).toUpperCase()
  if (script === undefined || (name !== 'EVALSHA' && name !== 'EVAL')) {
    return { name, args: [] }
  }
  const hash = name === 'EVAL' ? sha1(script) : String(script)
  // Records among the arguments may be long, and nobody looks at them.
  return { name: names.get(hash) ?? hash, args: rest.slice(0, 12).map((arg) => arg.toString('latin1', 0, 200)) }
}
