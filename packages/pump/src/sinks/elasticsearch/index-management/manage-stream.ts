import { SinkRefusedError } from '../../../errors.ts'
import { elasticsearchOptions } from '../options.ts'
import { isAtLeast, type Server } from '../server.ts'
import { settingsOf, STREAM_PRIORITY, type StreamNames, streamTemplates } from './data-stream.ts'
import { install } from './install.ts'
import { cureFor, isTrouble, type Job, type Options } from './job.ts'
import { hasLimits, type LifecycleLimits, lifecyclePolicy } from './lifecycle.ts'
import { lookAt, type Sight } from './look.ts'
import { managePolicy, type Policy } from './manage-policy.ts'
import { composableTemplates } from './others.ts'
import { matches } from './patterns.ts'
import { componentPath, keptMark, memberOf } from './resource.ts'

const TEMPLATE_LEFT = 'Elasticsearch index template not installed, the data stream stays as it is'
const POLICY_MISSING = 'Elasticsearch lifecycle policy not installed, indices grow and stay'
const NOT_FOLLOWED = 'Elasticsearch data stream does not follow the lifecycle policy, its indices grow and stay'

const LOST = 'rollover_* and retention_days have no effect in it'

const LIMITS = ['rollover_size_gb', 'rollover_days', 'retention_days'] as const

/**
 * A stream that is there takes records as it did. To make one without its template would be for good.
 *
 * @returns Whether all is as it should be.
 * @throws SinkRefusedError when a write would make something else of the stream's name, and what `Ask` throws.
 */
export async function manageStream(job: Job, names: StreamNames): Promise<boolean> {
  const { options, server, ask, notes } = job
  refuseServersWithoutStreams(server)
  if (!options.manage_index) return true
  const policy = await streamPolicy(job, names)
  const refusal = await installTemplates(job, names, policy)
  const sight = await lookAt(names.stream, ask)
  if (refusal !== null) {
    const { what, reason } = refusal
    if (sight.kind === 'none' && !refusal.madeByOther) {
      throw new SinkRefusedError(`Elasticsearch refuses ${what}, which ${names.stream} needs to be made: ${reason}`)
    }
    notes.trouble(what, TEMPLATE_LEFT, sight.kind === 'unknown' ? `${reason}. ${unseen(names)}` : reason)
  }
  if (sight.kind === 'index') {
    const reason = `${names.stream} is an index, made before the template was there; reindex and delete it, or choose another name for data_stream (…DATASTREAM)`
    notes.trouble(names.stream, 'Elasticsearch has no data stream of this name, records go into the index', reason)
  }
  if (policy.wanted) await checkPolicy(job, names, sight)
  return refusal === null && policy.complete
}

const unseen = ({ stream }: StreamNames): string =>
  `Whether ${stream} is there is not known, records are written into it: give the user of the sink the index privilege view_index_metadata on it`

interface Refusal {
  readonly what: string
  readonly reason: string
  /** The stream is made all the same, by somebody's template. */
  readonly madeByOther?: boolean
}

async function installTemplates(
  { options, ask, notes }: Job,
  names: StreamNames,
  policy: Policy,
): Promise<Refusal | null> {
  const { base, stream } = names
  const [winner] = (await composableTemplates(ask))
    .filter(({ patterns }) => matches(patterns, stream))
    // One of the pump's name is left to who has made it, as long as it makes the stream.
    .filter((one) => (one.name === base ? !one.ofPump && !one.makesStreams : one.priority >= STREAM_PRIORITY))
    .sort((a, b) => b.priority - a.priority)
  if (winner !== undefined) {
    const { what, priority, makesStreams } = winner
    const effect = makesStreams
      ? 'fields, rollover_* and retention_days are as it says'
      : 'it makes an index and no data stream'
    const reason = `${what} with priority ${priority} is the one that ${stream} follows, and ${effect}; delete it or give it a priority below ${STREAM_PRIORITY}, or set manage_index (…MANAGEINDEX) to false`
    return { what: `the index template ${base}`, reason, madeByOther: makesStreams }
  }
  for (const resource of streamTemplates(names, policy)) {
    const outcome = await install(resource, ask)
    if (isTrouble(outcome)) return { what: resource.what, reason: `${outcome.reason}; ${cureFor(resource)}` }
    notes.outcome(resource, outcome, areChosen(options) ? LOST : null)
  }
  return null
}

async function streamPolicy(job: Job, names: StreamNames): Promise<Policy> {
  const { options, server, ask } = job
  const limits = limitsOf(options)
  const kept =
    server.distribution === 'opensearch' ? null : keptMark(await ask('GET', componentPath(settingsOf(names.base))))
  return managePolicy(job, lifecyclePolicy(names, limits, server, kept), {
    name: names.base,
    wanted: hasLimits(limits),
    lost: areChosen(options) ? LOST : null,
    missing: POLICY_MISSING,
    otherMeans: 'roll over and delete by other means',
  })
}

/** An index goes on as it was made: with the policy of its time, or without one. */
async function checkPolicy({ options, server, ask, notes }: Job, { stream, base }: StreamNames, sight: Sight) {
  if (sight.kind !== 'stream') return
  const { writeIndex } = sight
  const onOpenSearch = server.distribution === 'opensearch'
  const policy = onOpenSearch ? await ismPolicyOf(writeIndex, ask) : sight.policy
  // Another one is somebody's choice, which takes nothing from limits that nobody has chosen.
  if (policy === undefined || policy === base || (policy !== null && !areChosen(options))) return
  const cure = onOpenSearch
    ? `POST /_plugins/_ism/${policy === null ? 'add' : 'change_policy'}/.ds-${stream}-* {"policy_id":"${base}"}`
    : `PUT /${stream}/_settings {"index.lifecycle.name":"${base}"}`
  const reason = `${writeIndex} follows ${policy === null ? 'no policy' : `the policy ${policy}`} and not ${base}; for indices that are there: ${cure}`
  notes.trouble(stream, NOT_FOLLOWED, reason)
}

/** Null where it follows none, undefined where we may not look. */
async function ismPolicyOf(index: string, ask: Job['ask']): Promise<string | null | undefined> {
  const { status, body } = await ask('GET', `/_plugins/_ism/explain/${encodeURIComponent(index)}`)
  if (status !== 200) return undefined
  const policy = memberOf(body, index)['index.plugins.index_state_management.policy_id']
  return typeof policy === 'string' ? policy : null
}

const limitsOf = (options: Options): LifecycleLimits => ({
  rolloverSizeGb: options.rollover_size_gb,
  rolloverDays: options.rollover_days,
  retentionDays: options.retention_days,
})

/** Somebody has set limits, and counts on them. */
const areChosen = (options: Options): boolean =>
  LIMITS.some((key) => options[key] !== elasticsearchOptions[key].default)

function refuseServersWithoutStreams(server: Server): void {
  const hasStreams = !server.typed && (server.distribution === 'opensearch' || isAtLeast(server, 7, 9))
  if (hasStreams) return
  throw new SinkRefusedError(
    `data_stream needs Elasticsearch 7.9 or newer, or OpenSearch; this is ${server.version ?? 'older'}. Leave data_stream (…DATASTREAM) empty for this server`,
  )
}
