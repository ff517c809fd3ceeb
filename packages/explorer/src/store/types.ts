import type * as Api from '../api/schema.ts'
import type { Query } from '../query/ast.ts'

/** What every view asks: which requests, when, and in which buckets. Times are milliseconds since 1970; `toMs` is not in it. */
export interface Question {
  readonly query: Query
  readonly fromMs: number
  readonly toMs: number
  readonly bucketMs: number
}

/** Characters of `next`: the address of the next page carries it. */
export const MOST_CURSOR_CHARACTERS = 65_536

export interface PageQuestion extends Question {
  readonly size: number
  /** `next` of the page before. */
  readonly after?: string
  readonly sort: string
  readonly order: 'asc' | 'desc'
  readonly columns: readonly string[]
}

export interface TopQuestion extends Question {
  readonly fields: readonly string[]
  readonly size: number
}

/** What the explorer asks of stored traffic. Two stores answer with equal numbers; one suite of tests holds them to it. */
export interface Store {
  readonly kind: 'sqlite' | 'elasticsearch'
  /** The file or the index, without credentials. */
  readonly target: string
  /** Names of the fields of `fields.ts` that this store keeps. */
  fields(signal: AbortSignal): Promise<ReadonlySet<string>>
  /** Count, oldest and newest of all records. */
  extent(signal: AbortSignal): Promise<{ records: number; oldestMs: number | null; newestMs: number | null }>
  overview(
    question: TopQuestion,
    signal: AbortSignal,
  ): Promise<Answer<Omit<Api.Overview, 'range' | 'reloads' | 'quality'>>>
  requests(question: PageQuestion, signal: AbortSignal): Promise<Answer<Omit<Api.Requests, 'range' | 'quality'>>>
  request(id: string, signal: AbortSignal): Promise<Api.RequestDetail | null>
  errors(question: Question, signal: AbortSignal): Promise<Answer<Omit<Api.Errors, 'range' | 'quality'>>>
  countries(question: Question, signal: AbortSignal): Promise<Answer<Omit<Api.Countries, 'range' | 'quality'>>>
  values(
    question: Question,
    field: string,
    prefix: string,
    signal: AbortSignal,
  ): Promise<Answer<Omit<Api.Values, 'field'>>>
  /** All rows of a question, in pages, oldest page first as sorted. */
  rows(question: Omit<PageQuestion, 'after'>, signal: AbortSignal): AsyncIterable<readonly Api.RequestRow[]>
  /**
   * Of a store that is slow: whether it is at work on something, another question for one, rather than down. Absent where
   * that cannot be told.
   */
  isAtWork?(): boolean
  close(): Promise<void>
}

/** `partial` says why the numbers may be too small, a failed shard for one; null when they are whole. */
export type Answer<T> = T & { readonly partial: string | null }

/** The store does not answer, or refuses: the page says so and tries again. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError'
}

/** The question is wider than the store is asked to answer. */
export class TooWideError extends Error {
  override readonly name = 'TooWideError'
}
