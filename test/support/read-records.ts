import { type AnalyticsRecord, decodeRecord, decodeRecordProtobuf, sourceLists } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { eventually } from './eventually.ts'

/** Removes and decodes every record that waits in the analytics lists of a Redis, oldest first within each list. */
export async function readRecords(redisUrl: string): Promise<AnalyticsRecord[]> {
  const redis = new Redis(redisUrl, { lazyConnect: true, maxRetriesPerRequest: 1 })
  try {
    await redis.connect()
    const records: AnalyticsRecord[] = []
    for (const { key, serialisation } of sourceLists()) {
      const elements = (await redis.lpopBuffer(key, 1_000_000)) ?? []
      const decode = serialisation === 'protobuf' ? decodeRecordProtobuf : decodeRecord
      records.push(...elements.map((element) => decode(element)))
    }
    return records
  } finally {
    redis.disconnect()
  }
}

/** Reads records until one of them is the last that a test waits for; returns all that came, in order. */
export async function recordsUntil(
  redisUrl: string,
  isLast: (record: AnalyticsRecord) => boolean,
): Promise<AnalyticsRecord[]> {
  const records: AnalyticsRecord[] = []
  await eventually(async () => {
    records.push(...(await readRecords(redisUrl)))
    if (!records.some(isLast)) throw new Error(`the awaited record is not among the ${records.length} that came`)
  })
  return records
}
