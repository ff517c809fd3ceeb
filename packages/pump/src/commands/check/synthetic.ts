import { randomBytes } from 'node:crypto'
import { type AnalyticsRecord, emptyRecord, encodeRecord } from '@tek/analytics-record'
import { recordId } from '../../lease/record-id.ts'

/** In every field by which a person may filter, so that what a check leaves behind is known for what it is. */
export const CHECK_NAME = 'tek-check'

/** A record like any other, of this moment, that no other check has made. */
export function syntheticRecord(now: Date): AnalyticsRecord {
  const mark = randomBytes(6).toString('hex')
  const seconds = Math.floor(now.getTime() / 1000)
  return {
    ...emptyRecord(),
    method: 'GET',
    host: CHECK_NAME,
    path: `/${CHECK_NAME}/${mark}`,
    rawPath: `/${CHECK_NAME}/${mark}`,
    originalPath: `/${CHECK_NAME}/${mark}`,
    listenPath: `/${CHECK_NAME}/`,
    userAgent: CHECK_NAME,
    day: now.getUTCDate(),
    month: now.getUTCMonth() + 1,
    year: now.getUTCFullYear(),
    hour: now.getUTCHours(),
    responseCode: 200,
    apiKey: '00000000',
    timestamp: { seconds, nanos: now.getUTCMilliseconds() * 1_000_000 },
    expireAt: { seconds: seconds + 3600, nanos: 0 },
    apiVersion: 'Non Versioned',
    apiName: CHECK_NAME,
    apiId: CHECK_NAME,
    orgId: CHECK_NAME,
    ipAddress: '127.0.0.1',
    requestTime: 1,
    latency: { total: 1, upstream: 1, gateway: 0 },
    tags: [CHECK_NAME],
  }
}

export function idOf(record: AnalyticsRecord): string {
  return recordId(Buffer.from(encodeRecord(record)), record.timestamp)
}
