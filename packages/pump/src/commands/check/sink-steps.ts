import { setTimeout as delay } from 'node:timers/promises'
import type { AnalyticsRecord } from '@tek/analytics-record'
import type { CoreConfig, SinkOptions } from '../../config/schema.ts'
import type { CreatedSink } from '../../create-sinks.ts'
import { SinkRefusedError } from '../../errors.ts'
import { compilePrepare } from '../../filter/index.ts'
import type { PumpRecord, Sighting, Sink } from '../../sinks/types.ts'
import { type Step, type StepStatus, messageOf } from './step.ts'
import { CHECK_NAME, idOf } from './synthetic.ts'

const REACH_MS = 15_000
const WRITE_MS = 60_000
export const FIND_MS = 20_000
const FIND_EVERY_MS = 500

const STAYS = `it stays there, with ${CHECK_NAME} as api_id`
const KEPT = `accepted; this sink cannot be asked, and keeps the record, with ${CHECK_NAME} as api_id`

export interface SinkCheckDeps {
  readonly core: CoreConfig
  readonly record: AnalyticsRecord
  /** What the sink has logged at warn or above since it was asked last. */
  readonly warnings: () => readonly string[]
  /** How long a written record may stay out of sight. */
  readonly findMs: number
}

/** Walks one sink: reaches the target, writes a record, finds it by a query, and takes it out again. */
export async function* checkSink(created: CreatedSink, deps: SinkCheckDeps): AsyncGenerator<Step> {
  const { configured, sink } = created
  const step = (name: string, status: StepStatus, detail: string, cure?: string): Step => {
    return { name, sink: configured.name, status, detail, ...(cure !== undefined && { cure }) }
  }
  const trouble = (name: string, error: unknown): Step => step(name, 'failed', messageOf(error), cureOf(created, error))

  const only = describeFilters(configured.options.filters)
  if (only !== null)
    yield step('filters', 'ok', `only records with ${only} get here; the record of this check does anyway`)
  try {
    await sink.check(AbortSignal.timeout(REACH_MS))
    yield step('reach', 'ok', 'the target answers')
  } catch (error) {
    return yield trouble('reach', error)
  }
  deps.warnings()
  const entry = prepared(created, deps)
  try {
    const written = await write(created, entry, deps, step)
    yield written
    if (written.status === 'failed') return
  } catch (error) {
    return yield trouble('write', error)
  }
  if (sink.find === undefined) return yield step('find', 'skipped', KEPT)
  try {
    const sighting = await find(sink, entry, deps.findMs)
    yield found(sighting, deps.findMs, step)
    if (sighting.kind === 'missing') return
    if (sighting.kind === 'hidden') return yield step('remove', 'skipped', STAYS)
  } catch (error) {
    yield trouble('find', error)
  }
  yield await remove(sink, entry, step)
}

type MakeStep = (name: string, status: StepStatus, detail: string, cure?: string) => Step

/** The sink's own view of the record, as every record gets it, except that no filter keeps it away. */
function prepared({ configured }: CreatedSink, { core, record }: SinkCheckDeps): PumpRecord {
  const options = { ...configured.options, filters: NO_FILTERS }
  const view = compilePrepare(options, core.max_record_size)?.(record) ?? record
  return { record: view, id: idOf(record), sizeBytes: 500 }
}

const NO_FILTERS: SinkOptions['filters'] = {
  api_ids: [],
  org_ids: [],
  response_codes: [],
  skip_api_ids: [],
  skip_org_ids: [],
  skip_response_codes: [],
}

async function write({ sink }: CreatedSink, entry: PumpRecord, deps: SinkCheckDeps, step: MakeStep): Promise<Step> {
  const [verdict] = await sink.write([entry], AbortSignal.timeout(WRITE_MS))
  if (verdict === 'delivered') {
    const notes = deps.warnings()
    if (notes.length === 0) return step('write', 'ok', 'a record of this check was accepted')
    return step('write', 'warning', `accepted; ${notes.join('; ')}`, 'Real records may meet the same.')
  }
  if (verdict === 'retry' || verdict === undefined) {
    return step(
      'write',
      'failed',
      'the target is busy and asks to come again later',
      'Wait, or look at its load and its disk.',
    )
  }
  const cure =
    'Records are refused like this one and become dead letters: correct what the reason names, e.g. the mapping of the index.'
  return step('write', 'failed', verdict.rejected, cure)
}

/** A target may show a record only after a while. */
async function find(sink: Sink, entry: PumpRecord, mostMs: number): Promise<Sighting> {
  const signal = AbortSignal.timeout(mostMs)
  for (;;) {
    const sighting = (await sink.find?.(entry, signal)) ?? HIDDEN
    if (sighting.kind !== 'missing' || signal.aborted) return sighting
    const waited = await delay(FIND_EVERY_MS, true, { signal }).catch(() => false)
    if (!waited) return sighting
  }
}

const HIDDEN: Sighting = { kind: 'hidden', why: 'the target cannot be asked' }

function found(sighting: Sighting, withinMs: number, step: MakeStep): Step {
  switch (sighting.kind) {
    case 'found':
      return step('find', 'ok', `found by a query in ${sighting.where}`)
    case 'hidden':
      return step('find', 'skipped', sighting.why)
    case 'missing': {
      const cure =
        'Something behind the target drops or moves records: look at ingest pipelines, aliases and templates.'
      return step('find', 'failed', `accepted, and not found in ${sighting.where} within ${withinMs / 1000} s`, cure)
    }
  }
}

async function remove(sink: Sink, entry: PumpRecord, step: MakeStep): Promise<Step> {
  if (sink.remove === undefined) return step('remove', 'skipped', STAYS)
  try {
    await sink.remove(entry, AbortSignal.timeout(REACH_MS))
    return step('remove', 'ok', 'the record of this check is gone')
  } catch (error) {
    const detail = `it could not be taken out again: ${messageOf(error)}`
    return step('remove', 'warning', detail, `It is harmless; its api_id is ${CHECK_NAME}.`)
  }
}

function cureOf({ configured }: CreatedSink, error: unknown): string {
  const { advice } = configured.definition
  const where = `pumps.${configured.name}.meta`
  if (error instanceof SinkRefusedError) return `${advice?.refused ?? 'Look at the credentials.'} (${where})`
  return `${advice?.unreachable ?? 'Is the target there?'} (${where})`
}

/** `api_ids a, b; not response_codes 404`, or null when all records pass. */
function describeFilters(filters: SinkOptions['filters']): string | null {
  const parts = Object.entries(filters).flatMap(([key, values]) => {
    if (values.length === 0) return []
    const text = values.join(', ')
    return [key.startsWith('skip_') ? `not ${key.slice('skip_'.length)} ${text}` : `${key} ${text}`]
  })
  return parts.length === 0 ? null : parts.join('; ')
}
