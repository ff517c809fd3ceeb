import type { CoreConfig } from '../../config/schema.ts'
import { version } from '../../version.ts'
import type { Facts } from './facts.ts'
import { type Step, messageOf, ok, warning } from './step.ts'

const HEALTH_MS = 3_000

/** What answers where the health check is configured. */
export type PumpHealth =
  | { readonly kind: 'none'; readonly url: string; readonly why: string }
  /** No `/ready`: not a pump of this project. */
  | { readonly kind: 'other'; readonly url: string }
  | { readonly kind: 'ours'; readonly url: string; readonly ready: ReadyAnswer }

interface ReadyAnswer {
  readonly ready?: unknown
  readonly redis?: { readonly status?: unknown; readonly last_error?: unknown }
  readonly sinks?: Readonly<
    Record<string, { readonly status?: unknown; readonly last_error?: unknown; readonly taken?: unknown }>
  >
}

/** Asks the pump that is to run with this configuration. */
export async function askHealth(core: CoreConfig): Promise<PumpHealth> {
  const { health_check_endpoint_address: address, health_check_endpoint_port: port } = core
  const host = address === '' || address === '0.0.0.0' || address === '::' ? 'localhost' : address
  const base = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  const url = `${base}/${core.health_check_endpoint_name}`
  try {
    const health = await fetch(url, { signal: AbortSignal.timeout(HEALTH_MS) })
    await health.body?.cancel()
    const answer = await fetch(`${base}/ready`, { signal: AbortSignal.timeout(HEALTH_MS) })
    const text = await answer.text()
    const ready = parseReady(text)
    return ready === null ? { kind: 'other', url } : { kind: 'ours', url, ready }
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    return { kind: 'none', url, why: messageOf(cause ?? error) }
  }
}

function parseReady(text: string): ReadyAnswer | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'sinks' in value ? (value as ReadyAnswer) : null
  } catch {
    return null
  }
}

/** @param facts - null when Redis cannot be asked. */
export function checkPump(health: PumpHealth, facts: Facts | null): Step {
  const others = otherPump(facts)
  switch (health.kind) {
    case 'none':
      return noAnswer(health, facts, others)
    case 'other': {
      const detail = `what answers at ${health.url} is no pump of this project${others}`
      return warning('pump', detail, `${SHARED} Or it is another program: set health_check_endpoint_port.`)
    }
    case 'ours':
      return answered(health.url, health.ready, facts, others)
  }
}

const SHARED =
  "If it is Tyk's pump, it takes records before this one sees them: stop one of the two, or give both the same sinks."

function noAnswer({ url, why }: PumpHealth & { kind: 'none' }, facts: Facts | null, others: string): Step {
  const [owner] = facts?.owners ?? []
  if (owner !== undefined) return ok('pump', `none at ${url}, but ${owner} takes records from this Redis${others}`)
  const detail = `no pump answers at ${url}: ${why}${others}`
  return warning('pump', detail, 'Start it, with the same --conf as this command; or run this command where it runs.')
}

function answered(url: string, { ready, redis, sinks = {} }: ReadyAnswer, facts: Facts | null, others: string): Step {
  const troubles = Object.entries(sinks)
    .filter(([, { status }]) => status === 'failing' || status === 'held')
    .map(([name, { status, last_error: error }]) => `${name} ${String(status)}: ${String(error)}`)
  if (redis?.status === 'down') troubles.push(`its Redis is down: ${String(redis.last_error)}`)
  if (ready !== true && troubles.length > 0) {
    return warning(
      'pump',
      `runs at ${url}, not ready: ${troubles.join('; ')}`,
      'The steps below look at the same target from here.',
    )
  }
  const tookNothing = Object.values(sinks).every(({ taken }) => taken === 0)
  if (tookNothing && facts !== null && (facts.pushes ?? 0) > 0 && facts.listed === 0 && facts.backlogs.length === 0) {
    const detail = `runs at ${url} and has taken nothing, although records were written since Redis started${others}`
    return warning('pump', detail, `They came before it, expired, or another pump took them. ${SHARED}`)
  }
  return others === '' ? ok('pump', `runs at ${url}`) : warning('pump', `runs at ${url}${others}`, SHARED)
}

/** Every pump writes its version when it starts, also Tyk's. */
function otherPump(facts: Facts | null): string {
  const other = facts?.pumpVersion ?? null
  return other === null || other === version
    ? ''
    : `; the pump that started last on this Redis is ${other}, this one is ${version}`
}
