// What does a request pay for its record: making it, and one push to the writer?
// Run: node --conditions=source bench/recorder.bench.ts
import type { AnalyticsRecord } from '@tek/analytics-record'
import { pino } from 'pino'
import { compare } from '../../../bench/lib/compare.ts'
import { RecordClock } from '../src/analytics/clock.ts'
import { createRecorder } from '../src/analytics/recorder.ts'
import { AnalyticsWriter } from '../src/analytics/writer.ts'
import type { ApiAnalytics } from '../src/api-definition/compiled-api.ts'
import type { RequestContext } from '../src/chain/context.ts'
import { emptySession } from '../src/session/session.ts'
import { apiWith, contextFor } from '../test/support/steps.ts'

const USER_AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0'
const analytics: ApiAnalytics = {
  tracked: true,
  detailed: false,
  apiId: 'app',
  apiName: 'app',
  orgId: 'default',
  listenPath: '/app/',
  host: 'upstream.test',
  tagHeaders: [],
  tags: [],
  closingTags: ['org-default', 'api-app'],
  expireAfterSeconds: 3_153_600_000,
}

/** The end of a request that went upstream. */
function requestTo(overrides: Partial<ApiAnalytics>): RequestContext {
  const api = { ...apiWith({}), analytics: { ...analytics, ...overrides } }
  const headers = ['Host', 'gateway.test', 'User-Agent', USER_AGENT, 'Accept', '*/*', 'X-Customer', 'foo@bar.com']
  const ctx = contextFor(api, { path: '/app/orders/17', headers })
  // Read for the routing already.
  Object.assign(ctx.request, { headers: { host: 'gateway.test', 'user-agent': USER_AGENT, accept: '*/*' } })
  ctx.upstreamPath = '/base/orders/17'
  ctx.upstreamMs = 3
  return ctx
}

function withToken(ctx: RequestContext): RequestContext {
  ctx.token = 'default5e189590801287e42a6cf5ce0123456789abcdef'
  ctx.session = { ...emptySession(), alias: 'foo', apply_policies: ['5e189590801287e42a6cf5ce'] }
  return ctx
}

let made: AnalyticsRecord | null = null
const recorder = createRecorder({
  enabled: true,
  hashKeys: true,
  ignoredIps: new Set(),
  nodeTags: [],
  normalisePath: null,
  geo: null,
  maxRecordedBodyBytes: 0,
  clock: new RecordClock(),
  push: (record) => void (made = record),
})
const recordOf = (ctx: RequestContext) => (): AnalyticsRecord | null => {
  ctx.recorded = false
  recorder.success(ctx, 200)
  return made
}

const keyless = recordOf(requestTo({}))
compare('a record', [
  { name: 'keyless', run: keyless },
  { name: 'with a key whose hash is remembered', run: recordOf(withToken(requestTo({}))) },
  {
    name: 'the same with three tags, one from a header',
    run: recordOf(
      withToken(requestTo({ tags: ['eu', 'v2'], tagHeaders: [{ header: 'X-Customer', prefix: 'x-customer-' }] })),
    ),
  },
])

/** Takes everything at once. */
const store = { append: () => Promise.resolve() }
const writer = new AnalyticsWriter({
  store,
  log: pino({ level: 'silent' }),
  serialisation: 'msgpack',
  numberedLists: false,
  ttlSeconds: null,
  maxBufferedBytes: 1024 * 1024 * 1024,
  ledger: false,
})
const record = keyless() as AnalyticsRecord
compare('what follows it', [
  {
    name: 'AnalyticsWriter.push',
    run: () => {
      writer.push(record)
      return record
    },
  },
])
await writer.close(10_000)
