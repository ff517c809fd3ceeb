// Hot path.
import { createBucketTable, REQUEST_COST, type Bucket } from '../limits/local-buckets.ts'
import type { BucketGrant, BucketRequest, BucketReturn } from './calls.ts'

/** A worker gets at most this part, divided by the number of workers, of what is left as a reserve. */
const RESERVE_PART = 1 / 4

interface Question {
  readonly worker: number
  readonly request: BucketRequest
}

/** Requests that workers may still allow on their own, in the window that ends at an instant. */
interface Reserves {
  windowEndMs: number
  /** What one request costs, by index of the worker that holds a reserve. */
  readonly costs: Map<number, number>
  /** Who asked when nothing was left but in reserves. */
  questions: Question[]
}

export interface BucketOwnerOptions {
  readonly now: () => number
  readonly workers: number
  grant(worker: number, grants: readonly BucketGrant[]): void
}

/**
 * The buckets of all workers. A worker asks for what its requests need and, for a bucket in much use, for a reserve that
 * it may give out without asking. Reserves come back within milliseconds; until they have, nobody is refused: exactly
 * the rate is allowed, whichever workers the requests meet.
 */
export class BucketOwner {
  readonly #options: BucketOwnerOptions
  readonly #table: ReturnType<typeof createBucketTable>
  readonly #reserves = new WeakMap<Bucket, Reserves>()
  /** Buckets with reserves or questions. */
  readonly #open = new Map<string, Bucket>()

  constructor(options: BucketOwnerOptions) {
    this.#options = options
    this.#table = createBucketTable(options.now)
  }

  take(worker: number, requests: readonly BucketRequest[]): void {
    const grants: BucketGrant[] = []
    for (const request of requests) {
      const bucket = this.#find(request)
      const reserves = this.#reservesOf(bucket)
      // A worker asks when it has nothing left.
      reserves.costs.delete(worker)
      const grant = reserves.questions.length === 0 ? this.#serve({ worker, request }, bucket) : null
      if (grant !== null) grants.push(grant)
      else reserves.questions.push({ worker, request })
      this.#proceed(request[0], bucket)
    }
    if (grants.length > 0) this.#options.grant(worker, grants)
  }

  giveBack(worker: number, returns: readonly BucketReturn[]): void {
    for (const [name, unused, windowEndMs] of returns) {
      const bucket = this.#open.get(name)
      const reserves = bucket === undefined ? undefined : this.#reserves.get(bucket)
      if (bucket === undefined || reserves === undefined) continue
      const cost = reserves.windowEndMs === windowEndMs ? reserves.costs.get(worker) : undefined
      if (cost !== undefined) {
        reserves.costs.delete(worker)
        bucket.left += unused * cost
      }
      this.#proceed(name, bucket)
    }
  }

  /** What a worker that has ended held counts as used. */
  forget(worker: number): void {
    for (const [name, bucket] of this.#open) {
      const reserves = this.#reservesOf(bucket)
      reserves.costs.delete(worker)
      reserves.questions = reserves.questions.filter((question) => question.worker !== worker)
      this.#proceed(name, bucket)
    }
  }

  /** null: the answer comes when reserves are back. */
  #serve({ worker, request }: Question, bucket: Bucket): BucketGrant | null {
    const [name, , , gateways, needed, wanted] = request
    const cost = REQUEST_COST * gateways
    const { costs } = this.#reservesOf(bucket)
    const left = Math.floor(bucket.left / cost)
    if (left < needed && costs.size > 0) return null
    const reserve = Math.min(wanted, Math.floor((left * RESERVE_PART) / this.#options.workers))
    const granted = Math.min(left, Math.max(needed, reserve))
    bucket.left -= granted * cost
    if (granted > needed) costs.set(worker, cost)
    return [name, granted, Math.floor(bucket.left / cost), bucket.windowEndMs]
  }

  /** Answers the questions that can be answered now, in their order. */
  #proceed(name: string, bucket: Bucket): void {
    const reserves = this.#reservesOf(bucket)
    for (let next = reserves.questions[0]; next !== undefined; next = reserves.questions[0]) {
      // The window may have ended since the question came.
      const grant = this.#serve(next, this.#find(next.request))
      if (grant === null) break
      reserves.questions.shift()
      this.#options.grant(next.worker, [grant])
    }
    if (reserves.questions.length > 0 || reserves.costs.size > 0) this.#open.set(name, bucket)
    else this.#open.delete(name)
  }

  #find([name, rate, perSeconds, gateways]: BucketRequest): Bucket {
    return this.#table.find(name, rate, perSeconds, REQUEST_COST * gateways)
  }

  #reservesOf(bucket: Bucket): Reserves {
    let reserves = this.#reserves.get(bucket)
    if (reserves === undefined) {
      reserves = { windowEndMs: bucket.windowEndMs, costs: new Map(), questions: [] }
      this.#reserves.set(bucket, reserves)
    } else if (reserves.windowEndMs !== bucket.windowEndMs) {
      // The bucket is full again: what was held belonged to the window before.
      reserves.windowEndMs = bucket.windowEndMs
      reserves.costs.clear()
    }
    return reserves
  }
}
