import type { ListStore } from '../analytics/writer.ts'
import type { RedisClient } from './stores.ts'

/**
 * Appends records to a Redis list.
 *
 * The list's life begins anew with each batch. Tyk sets it once when the list appears, so that records written just
 * before its end vanish with it.
 */
export function createListStore(client: RedisClient): ListStore {
  return {
    async append(key, elements, ttlSeconds) {
      const pipeline = client.pipeline()
      // Values share the buffer they were encoded into; views of it are enough.
      pipeline.rpush(key, ...elements.map((element) => Buffer.from(element.buffer, element.byteOffset, element.length)))
      if (ttlSeconds !== null) pipeline.expire(key, ttlSeconds)
      const results = await pipeline.exec()
      const failure = results?.[0]?.[0] ?? (results === null ? new Error('the pipeline was not executed') : null)
      if (failure !== null) throw failure
    },
  }
}
