import type * as Api from '../../src/api/schema.ts'
import type { Store } from '../../src/store/types.ts'

/** What the API makes of a store: its answers are set by the test, and it remembers what it was asked. */
export interface ScriptedStore extends Store {
  readonly asked: { readonly view: string; readonly question: unknown }[]
  /** Signals of questions, in their order. */
  readonly signals: AbortSignal[]
}

const NUMBERS: Api.Numbers = { requests: 0, clientErrors: 0, serverErrors: 0, p95Ms: null, consumers: 0 }

export function scriptedStore(answers: Partial<Store> = {}): ScriptedStore {
  const asked: { view: string; question: unknown }[] = []
  const signals: AbortSignal[] = []
  const note = (view: string, question: unknown, signal: AbortSignal): void => {
    asked.push({ view, question })
    signals.push(signal)
  }
  const plain: Store = {
    kind: 'sqlite',
    target: 'scripted',
    fields: async () => new Set(['@timestamp', 'request_uri', 'response_code']),
    extent: async () => ({ records: 3, oldestMs: 1000, newestMs: 2000 }),
    overview: async () => ({ numbers: NUMBERS, before: NUMBERS, traffic: [], latency: [], top: [], partial: null }),
    requests: async () => ({ total: { value: 3, exact: true }, traffic: [], rows: [], next: null, partial: null }),
    request: async () => null,
    errors: async () => ({ groups: [], others: 0, partial: null }),
    countries: async () => ({ available: false, countries: [], partial: null }),
    values: async () => ({ values: [], partial: null }),
    async *rows() {},
    close: async () => undefined,
    ...answers,
  }
  return {
    ...plain,
    asked,
    signals,
    overview: (question, signal) => (note('overview', question, signal), plain.overview(question, signal)),
    requests: (question, signal) => (note('requests', question, signal), plain.requests(question, signal)),
    errors: (question, signal) => (note('errors', question, signal), plain.errors(question, signal)),
    rows: (question, signal) => (note('rows', question, signal), plain.rows(question, signal)),
  }
}

/** An answer that does not come before its signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
}
