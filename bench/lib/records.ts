import { setTimeout as delay } from 'node:timers/promises'
import { analyticsKey, emptyRecord, encodeRecord, sourceLists, type AnalyticsRecord } from '@tek/analytics-record'
import { Redis } from 'ioredis'

/** Longer than the gateway keeps a record before it writes it. */
const QUIET_MS = 400
/** How long a busy gateway may take to write what it has. */
const LATE_MS = 10_000

export const connectRedis = (port: number): Redis => new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: null })

/**
 * Counts and removes the records of all lists.
 *
 * @param atLeast - Waits for so many; not for ever, because some may be lost.
 */
export async function countAndClear(redis: Redis, atLeast = 0): Promise<number> {
  const keys = sourceLists().map(({ key }) => key)
  const count = async (): Promise<number> => {
    const lengths = await Promise.all(keys.map((key) => redis.llen(key)))
    return lengths.reduce((sum, length) => sum + length, 0)
  }
  let now = await count()
  for (const endMs = performance.now() + LATE_MS; now < atLeast && performance.now() < endMs; now = await count())
    await delay(QUIET_MS / 4)
  for (let before = -1; now > before; now = await count()) {
    before = now
    await delay(QUIET_MS)
  }
  await redis.unlink(...keys)
  return now
}

/**
 * Says what is wrong with a round: every answered request has its record, and a request that the end of the round cut off
 * may have one.
 *
 * @returns null when nothing is.
 */
export function missingRecords(answered: number, records: number, underWay: number): string | null {
  if (records < answered) return `${answered} requests answered, but only ${records} records in Redis`
  if (records > answered + underWay) return `${answered} requests answered, but ${records} records in Redis`
  return null
}

/** A record like those of the article's JWT API, another one for each number; about 800 bytes in Redis. */
export function sampleRecord(i: number): AnalyticsRecord {
  const id = Math.imul(i + 1, 0x9e3779b1) >>> 0
  const path = `/orders/${id}`
  const seconds = 1_750_000_000 + Math.floor(i / 1000)
  return {
    ...emptyRecord(),
    method: i % 4 === 0 ? 'POST' : 'GET',
    host: 'upstream.internal:8080',
    path,
    rawPath: path,
    originalPath: `/shop${path}`,
    listenPath: '/shop/',
    contentLength: i % 4 === 0 ? 512 : 0,
    userAgent: 'okhttp/5.1.0',
    day: 15,
    month: 6,
    year: 2025,
    hour: 14,
    responseCode: i % 50 === 0 ? 503 : 200,
    apiKey: id.toString(16).padStart(16, '0'),
    apiVersion: 'Default',
    apiName: 'shop',
    apiId: 'shop',
    orgId: 'default',
    timestamp: { seconds, nanos: (i % 1000) * 1_000_000 + 1 },
    expireAt: { seconds: seconds + 604_800, nanos: 1 },
    requestTime: i % 90,
    latency: { total: i % 90, upstream: i % 80, gateway: (i % 90) - (i % 80) },
    ipAddress: `10.${i & 255}.${(id >> 8) & 255}.${id & 255}`,
    tags: [`user-${id}@bar.com`, 'api-shop'],
    alias: `${id}@bar.com`,
  }
}

const PUSHED_AT_ONCE = 1000
const FILLING = 'bench-filling'

/**
 * Puts records into the list that a pump reads. They are there all at once: a pump that runs finds either none or all.
 *
 * @returns The bytes of one on average.
 */
export async function fillRecords(redis: Redis, count: number): Promise<number> {
  let bytes = 0
  for (let i = 0; i < count; i += PUSHED_AT_ONCE) {
    const batch = Array.from({ length: Math.min(PUSHED_AT_ONCE, count - i) }, (_, k) =>
      Buffer.from(encodeRecord(sampleRecord(i + k))),
    )
    bytes += batch.reduce((sum, record) => sum + record.length, 0)
    await redis.rpush(FILLING, ...batch)
  }
  await redis.rename(FILLING, analyticsKey('msgpack'))
  return bytes / count
}
