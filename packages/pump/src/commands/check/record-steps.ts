import type { PumpConfig } from '../../config/load.ts'
import type { DeadLetterPlaces, LetterHead } from '../../dead-letters/index.ts'
import { counted } from '../table.ts'
import type { Facts } from './facts.ts'
import type { PumpHealth } from './pump-step.ts'
import { type Step, messageOf, ok, warning } from './step.ts'

/** Seconds that a list should still have to live for a pump that takes it every second. */
const SHORT_LIFE_SECONDS = 30

/** Records that no pump has taken yet. */
export function checkList({ listed, lists, ttlSeconds }: Facts, health: PumpHealth): Step {
  if (listed === 0) return ok('list', 'empty: no record waits to be taken')
  const life = ttlSeconds === null ? '' : `, which Redis deletes in ${ttlSeconds} s`
  const detail = `${counted(listed, 'record waits', 'records wait')} in ${lists.join(', ')}${life}`
  if (health.kind === 'ours' && (ttlSeconds === null || ttlSeconds > SHORT_LIFE_SECONDS)) return ok('list', detail)
  if (health.kind === 'ours') {
    return warning(
      'list',
      detail,
      'A pump that runs takes lists every second: look at its log, and whether it has this Redis.',
    )
  }
  const cure =
    ttlSeconds === null
      ? 'Start the pump.'
      : 'Start the pump before that; analytics_config.storage_expiration_time of tyk.conf sets how long records live.'
  return warning('list', detail, cure)
}

/** Records that were taken and wait for a sink, in leases and in files. */
export function checkBacklog({ backlogs, spilled, absent }: Facts, { sinks }: PumpConfig): Step {
  const waiting = new Map<string, number>()
  const add = (sink: string, records: number): void => void waiting.set(sink, (waiting.get(sink) ?? 0) + records)
  for (const one of backlogs) add(one.sink, one.held.records + one.waiting.records)
  for (const one of spilled) add(one.sink, one.records)
  const filled = [...waiting].filter(([, records]) => records > 0)
  if (filled.length === 0) return ok('backlog', 'no taken record waits for a sink')
  const detail = filled
    .map(([sink, records]) => `${counted(records, 'record waits', 'records wait')} for ${sink}`)
    .join(', ')
  const inFiles = spilled.reduce((sum, { records }) => sum + records, 0)
  const all = inFiles === 0 ? detail : `${detail}, ${inFiles} of them in files`
  const missing = spilled.filter(({ missingSince }) => missingSince !== null)
  if (missing.length > 0) {
    const records = missing.reduce((sum, one) => sum + one.records, 0)
    const what = `${counted(records, 'record is', 'records are')} in files that are missing from their folders`
    return warning('backlog', `${all}; ${what}`, 'leases list shows which: put the files back, or give them up.')
  }
  const [folder] = absent
  if (folder !== undefined) {
    const what = `no running pump has folder ${folder.place}, with ${counted(folder.segments, 'spilled segment')}`
    return warning(
      'backlog',
      `${all}; ${what}`,
      'Start a pump with that folder as its spill_dir; leases list shows them all.',
    )
  }
  const configured = new Set(sinks.map(({ name }) => name))
  const strangers = backlogs.filter((one) => !configured.has(one.sink) && one.waiting.records > 0)
  if (strangers.length === 0) return ok('backlog', all)
  const names = strangers.map(({ sink }) => sink).join(', ')
  const cure = `Configure ${names} again under the same name, or give the records up with leases release --sink=NAME.`
  return warning('backlog', `${all}; ${names} is not configured`, cure)
}

/** Records that a sink has refused. */
export async function checkDeadLetters({ store, fallback }: DeadLetterPlaces): Promise<Step> {
  const stores = store === fallback ? [store] : [store, fallback]
  let count = 0
  let newest: LetterHead | null = null
  try {
    for (const one of stores) {
      count += await one.count()
      for await (const page of one.list()) {
        for (const { head } of page) if (newest === null || head.time > newest.time) newest = head
        // The list in Redis begins with the newest.
        if (one === fallback) break
      }
    }
  } catch (error) {
    return warning('dead letters', messageOf(error), 'Look at dead_letters in the configuration.')
  }
  if (newest === null) return ok('dead letters', 'none')
  const detail = `${count}, the newest of ${newest.sink ?? 'no sink'}: ${newest.reason.slice(0, 300)}`
  return warning('dead letters', detail, 'dead-letters list shows them all, dead-letters replay sends them again.')
}
