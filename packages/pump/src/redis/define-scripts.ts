import { readFileSync } from 'node:fs'
import type { Cluster, Redis } from 'ioredis'

export type ScriptArgument = string | number | Buffer
/** Runs one script: its keys, then its other arguments. Bulk replies come as buffers. */
export type RunScript = (keys: readonly string[], args: readonly ScriptArgument[]) => Promise<unknown>

/** Registers a Lua file as a command of the client, which sends the text only when the server does not know it. */
export function defineScript(client: Redis | Cluster, name: string, file: URL): RunScript {
  client.defineCommand(name, { lua: readFileSync(file, 'utf8') })
  const command = (client as unknown as Record<string, RunCommand | undefined>)[`${name}Buffer`]
  if (command === undefined) throw new Error(`the Redis client made no command of ${name}`)
  return (keys, args) => command.call(client, keys.length, ...keys, ...args)
}

type RunCommand = (...args: unknown[]) => Promise<unknown>
