import type { RedisClient } from '../redis/stores.ts'

type Script<A extends readonly (string | number)[], R> = (redis: RedisClient, ...args: A) => Promise<R>

/** A Lua script with a fixed number of keys, sent whole once per connection and by its digest from then on. */
export function defineScript<A extends readonly (string | number)[], R>(
  name: string,
  numberOfKeys: number,
  lua: string,
): Script<A, R> {
  const prepared = new WeakSet<RedisClient>()
  return (redis, ...args) => {
    if (!prepared.has(redis)) {
      redis.defineCommand(name, { numberOfKeys, lua })
      prepared.add(redis)
    }
    // ioredis adds the command to the object; its types cannot know.
    const commands = redis as unknown as Record<string, (...given: A) => Promise<R>>
    return (commands[name] as (...given: A) => Promise<R>)(...args)
  }
}
