// Hot path.
import type { AnalyticsRecord } from '../record.ts'

/**
 * Fields that stand together and mostly are what they were in the record before: then their bytes are copied in one go.
 * A record in which no such group is as before takes 2.1 to 2.4 times as long (Node 24, bench/encode.bench.ts). The
 * bytes are kept when the same values come a second time, so that fields which change with each record leave no garbage.
 */
interface Repeated {
  /** null: the values came once, or take too much room. */
  bytes: Uint8Array | null
}

export interface Target extends Repeated, Pick<AnalyticsRecord, 'method' | 'host'> {}
export interface Client extends Repeated, Pick<AnalyticsRecord, 'contentLength' | 'userAgent'> {}
export interface Hour extends Repeated, Pick<AnalyticsRecord, 'day' | 'month' | 'year' | 'hour'> {}
export interface Names
  extends Repeated, Pick<AnalyticsRecord, 'apiVersion' | 'apiName' | 'apiId' | 'orgId' | 'oauthId'> {}
export interface Caller extends Repeated, Pick<AnalyticsRecord, 'alias' | 'trackPath'> {
  /** A list of its own, which the next tags are put into: that of a record may change. It never gets shorter. */
  readonly tags: string[]
  /** How many of them there are; -1: no list. */
  tagCount: number
}
export interface Tail extends Repeated, Pick<AnalyticsRecord, 'listenPath' | 'collectionName'> {}

/** What the last record of one API had. */
export interface ApiFields {
  readonly target: Target
  readonly names: Names
  readonly caller: Caller
  readonly tail: Tail
}

/** APIs whose fields are kept: some hundred bytes each, a few kilobytes at most. */
const MAX_APIS = 1024

/** What the last records had: by API what depends on the API, and once what does not. */
export class RepeatedFields {
  readonly client: Client = { bytes: null, contentLength: 0, userAgent: '' }
  readonly hour: Hour = { bytes: null, day: 0, month: 0, year: 0, hour: 0 }
  readonly #apis = new Map<string, ApiFields>()
  #lastId = ''
  #last = newApi()

  ofApi(apiId: string): ApiFields {
    if (apiId === this.#lastId) return this.#last
    let found = this.#apis.get(apiId)
    if (found === undefined) {
      if (this.#apis.size >= MAX_APIS) this.#apis.clear()
      found = newApi()
      this.#apis.set(apiId, found)
    }
    this.#lastId = apiId
    this.#last = found
    return found
  }
}

const newApi = (): ApiFields => ({
  target: { bytes: null, method: '', host: '' },
  names: { bytes: null, apiVersion: '', apiName: '', apiId: '', orgId: '', oauthId: '' },
  caller: { bytes: null, tags: [], tagCount: -1, alias: '', trackPath: false },
  tail: { bytes: null, listenPath: '', collectionName: '' },
})
