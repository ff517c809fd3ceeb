import type { PageQuestion, Question, TopQuestion } from '../types.ts'

export type ExportQuestion = Omit<PageQuestion, 'after' | 'size'>

/** What the store asks its worker, and which method of `Engine` answers. */
export type Ask =
  | { readonly kind: 'fields' | 'extent' }
  | { readonly kind: 'overview'; readonly question: TopQuestion }
  | { readonly kind: 'requests'; readonly question: PageQuestion }
  /** The next rows of an export, which is named by a number; page 0 begins it. */
  | { readonly kind: 'export'; readonly number: number; readonly page: number; readonly question: ExportQuestion }
  | { readonly kind: 'end-export'; readonly number: number }
  | { readonly kind: 'errors' | 'countries'; readonly question: Question }
  | { readonly kind: 'values'; readonly question: Question; readonly field: string; readonly prefix: string }
  | { readonly kind: 'request'; readonly id: string }

export interface AskMessage {
  readonly number: number
  readonly ask: Ask
  /** Shared: not 0 once nobody waits for the answer. */
  readonly cancelled: Int32Array
}

/** `unavailable` and `too-wide` are the store's errors, `cancelled` answers nobody, `failed` is a mistake of ours. */
export type ErrorKind = 'unavailable' | 'too-wide' | 'cancelled' | 'failed'

export type AnswerMessage =
  | { readonly number: number; readonly answer: unknown }
  | { readonly number: number; readonly error: { readonly kind: ErrorKind; readonly message: string } }

export interface WorkerData {
  readonly path: string
}
