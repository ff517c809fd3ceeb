import type { Pipeline } from '../api/schema.ts'
import { parseSamples } from './metrics-text.ts'

export interface PumpReport {
  readonly ready: boolean
  readonly sinks: NonNullable<Pipeline['sinks']>
}

/** More is no answer of a pump. */
const MOST_BYTES = 4 * 1024 * 1024

/**
 * Asks a pump's `/ready` and `/metrics`.
 *
 * @throws With what is wrong, when it does not answer or is another program.
 */
export async function readPump(url: string, signal: AbortSignal): Promise<PumpReport> {
  const [ready, metrics] = await Promise.all([get(`${url}/ready`, signal), get(`${url}/metrics`, signal)])
  if (ready.status !== 200 && ready.status !== 503) {
    throw new Error(`/ready answers ${ready.status}; a pump of Tyk has none`)
  }
  const status = parseStatus(ready.text)
  const retried = metrics.status === 200 ? retriedBySink(metrics.text) : new Map<string, number>()
  const sinks = Object.entries(status.sinks).map(([name, sink]) => ({
    name,
    type: textOf(sink.type) ?? '',
    state: textOf(sink.status) ?? 'unknown',
    lastError: textOf(sink.last_error),
    delivered: countOf(sink.delivered),
    filtered: countOf(sink.filtered),
    retried: retried.get(name) ?? 0,
    dead: countOf(sink.dead_lettered),
    dropped: countOf(sink.dropped),
    pending: countOf(sink.pending),
    oldestPendingSeconds: ageOf(textOf(sink.oldest_unshipped)),
  }))
  return { ready: ready.status === 200, sinks }
}

async function get(url: string, signal: AbortSignal): Promise<{ status: number; text: string }> {
  const answer = await fetch(url, { signal, redirect: 'error' })
  let text = ''
  const decoder = new TextDecoder()
  for await (const bytes of answer.body ?? []) {
    text += decoder.decode(bytes as Uint8Array, { stream: true })
    if (text.length > MOST_BYTES) throw new Error(`${new URL(url).pathname} answers more than ${MOST_BYTES} bytes`)
  }
  return { status: answer.status, text }
}

interface Status {
  readonly sinks: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

function parseStatus(text: string): Status {
  const status = parseJson(text) as { readonly sinks?: unknown } | null
  if (typeof status?.sinks !== 'object' || status.sinks === null) throw new Error('/ready answers in another form')
  const sinks = Object.entries(status.sinks).filter(([, sink]) => typeof sink === 'object' && sink !== null)
  return { sinks: Object.fromEntries(sinks) as Status['sinks'] }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function retriedBySink(text: string): Map<string, number> {
  const samples = parseSamples(text).filter(({ name }) => name === 'tyk_pump_records_retried_total')
  return new Map(samples.map(({ labels, value }) => [labels['sink'] ?? '', countOf(value)]))
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)

const countOf = (value: unknown): number => (typeof value === 'number' && value >= 0 ? Math.trunc(value) : 0)

/** Seconds; a record's clock may be ahead of this one. */
function ageOf(time: string | null): number | null {
  const at = Date.parse(time ?? '')
  return Number.isNaN(at) ? null : Math.max(0, (Date.now() - at) / 1000)
}
