/** `leases list` and `leases release`: what a person does about records that wait for sinks no pump has, or are missing. */
import { ANALYTICS_KEY_PREFIX, type SourceList, sourceLists } from '@tek/analytics-record'
import type { Cluster, Redis } from 'ioredis'
import type { LeasesCommand, LeasesRelease } from '../config/arguments.ts'
import type { PumpConfig } from '../config/load.ts'
import { type Backlog, LeaseInspector, type SinkBacklog, ledgerSinksKey } from '../lease/index.ts'
import { keyPrefixOf } from '../redis/options.ts'
import {
  type AbsentFolder,
  MissingGiver,
  type ReleasedMissing,
  type ReleasedSpill,
  type SpilledBacklog,
  absentFolders,
  inspectSpilled,
  releaseSpilled,
} from '../spill/index.ts'
import { Progress } from './progress.ts'
import { type CommandDeps, withRedis } from './session.ts'
import { counted, formatTable } from './table.ts'

/** Returns the exit code: 1 when Redis cannot be asked, or when something is left that was to be given up. */
export function runLeases({ release }: LeasesCommand, deps: CommandDeps): Promise<number> {
  const { config, print } = deps
  const prefix = keyPrefixOf(config.core.analytics_storage_config, ANALYTICS_KEY_PREFIX)
  const sources = sourceLists(prefix)
  return withRedis(deps, async ({ client }) => {
    if (release !== null && release.missing !== null) return releaseMissing(client, sources, release, deps)
    const progress = new Progress(deps.progress)
    const inspector = new LeaseInspector(client, progress.report, config.core.ledger)
    if (release !== null) {
      const sink = release.sink ?? ''
      const backlog = await inspector.drop(sources, sink, release.confirmed)
      const spilled = await releaseSpilled(client, sources, sink, release.confirmed, config.core.ledger)
      const isGone = !config.sinks.some(({ name }) => name === sink)
      // When it comes back, it is new. One of this configuration may be just idle.
      if (release.confirmed && isGone) await client.hdel(ledgerSinksKey(prefix), sink)
      progress.clear()
      if (isGone && isNothing(backlog, spilled)) {
        print(
          `nothing waits for sink ${sink}, which is not configured; ${await describeSinks(client, prefix, config)}\n`,
        )
        return 1
      }
      return report(backlog, spilled, release.confirmed, deps)
    }
    const backlogs = await inspector.list(sources)
    const spilled = await inspectSpilled(client, sources)
    const absent = await absentFolders(client, sources)
    progress.clear()
    const configured = new Set(config.sinks.map(({ name }) => name))
    const [missing, there] = [spilled.filter(isMissing), spilled.filter((one) => !isMissing(one))]
    if (backlogs.length > 0 || spilled.length + absent.length === 0) print(formatBacklogs(backlogs, configured))
    if (there.length > 0) print(formatSpilled(there, configured))
    if (missing.length > 0) print(formatMissing(missing, configured))
    for (const folder of absent) print(describeAbsent(folder))
    return 0
  })
}

const isNothing = ({ held, waiting, busy }: SinkBacklog, spilled: ReleasedSpill): boolean =>
  held.leases + waiting.leases + busy.leases + spilled.waiting.segments + spilled.held.segments === 0

/** Those of the configuration, and those that the ledger knows. */
async function describeSinks(client: Redis | Cluster, prefix: string, { sinks }: PumpConfig): Promise<string> {
  const known = new Set([...sinks.map(({ name }) => name), ...(await client.hkeys(ledgerSinksKey(prefix)))])
  return known.size === 0 ? 'none is known' : `known are ${[...known].toSorted().join(', ')}`
}

const isMissing = ({ missingSince }: SpilledBacklog): boolean => missingSince !== null

/** Gives up spilled records whose files nobody has. */
async function releaseMissing(
  client: Redis | Cluster,
  sources: readonly SourceList[],
  { sink, missing, confirmed }: LeasesRelease,
  { config, log, print, progress: output }: CommandDeps,
): Promise<number> {
  let folder: AbsentFolder | null = null
  if (missing !== null && missing !== 'files') {
    const absent = await absentFolders(client, sources)
    const [found, ...others] = absent.filter((one) => one.folder === missing.folder || one.place === missing.folder)
    if (found === undefined || others.length > 0) {
      const why = found === undefined ? 'it is not known, or a running pump has it' : 'there are more of this name'
      print(`no folder to give up: ${why}; leases list shows those that no running pump has, with their ids\n`)
      return 1
    }
    folder = found
  }
  const progress = new Progress(output)
  const giver = new MissingGiver(client, config.core.ledger, progress.report)
  const released = await giver.run(sources, { folder: folder?.folder ?? null, sink }, confirmed)
  progress.clear()
  const reason = folder === null ? 'its file is missing' : 'no running pump has its folder'
  for (const [name, { segments, records }] of released.sinks) {
    if (!confirmed) continue
    const where = folder === null ? {} : { folder: folder.place }
    log.error({ sink: name, segments, records, reason, ...where }, 'missing spilled records are dropped')
  }
  print(describeReleased(released, confirmed) || `${describeNothing(folder, sink)}\n`)
  return released.changing + released.held === 0 ? 0 : 1
}

function describeNothing(folder: AbsentFolder | null, sink: string | null): string {
  const what = sink === null ? '' : ` of sink ${sink}`
  return folder === null ? `no spilled records${what} are missing` : `nothing${what} waits in folder ${folder.folder}`
}

/** Empty when there is nothing. */
function describeReleased({ sinks, forgotten, changing, held }: ReleasedMissing, dropped: boolean): string {
  const again = dropped ? '' : '; repeat with --yes to do it'
  const lines = [...sinks].map(([sink, { segments, records }]) => {
    const what = `${counted(records, 'record')} in ${counted(segments, 'missing spilled segment')} of sink ${sink}`
    return `${dropped ? 'gave up' : 'would give up'} ${what}${again}`
  })
  if (forgotten > 0) {
    const what = `${counted(forgotten, 'spilled segment')} for which nothing waits`
    lines.push(`${dropped ? 'forgot' : 'would forget'} ${what}${again}`)
  }
  if (changing > 0) {
    const why = 'because it changed meanwhile or is being written'
    lines.push(`not given up, ${why}: ${counted(changing, 'spilled segment')}; run this again`)
  }
  if (held > 0) lines.push(`left alone, because a running pump has the folder: ${counted(held, 'spilled segment')}`)
  return lines.map((line) => `${line}\n`).join('')
}

function report(
  { sink, held, waiting, busy }: SinkBacklog,
  spilled: ReleasedSpill,
  dropped: boolean,
  { log, print }: CommandDeps,
): number {
  const gone = described(waiting, spilled.waiting)
  const records = waiting.records + spilled.waiting.records
  if (gone !== '' && dropped) {
    const fields = { sink, leases: waiting.leases, spilled_segments: spilled.waiting.segments, records }
    log.error(fields, 'records of a released sink are dropped')
    print(`gave up ${gone} of sink ${sink}\n`)
  } else if (gone !== '') print(`would give up ${gone} of sink ${sink}; repeat with --yes to do it\n`)
  const left = described(held, spilled.held)
  if (left !== '') print(`left alone, in the hands of a running pump: ${left} of sink ${sink}\n`)
  const changing = described(busy, NO_SEGMENTS)
  if (changing !== '') {
    print(`not given up, because it changed each time it was read: ${changing} of sink ${sink}; run this again\n`)
  }
  if (gone === '' && left === '' && changing === '') print(`nothing waits for sink ${sink}\n`)
  return left === '' && changing === '' ? 0 : 1
}

const NO_SEGMENTS = { segments: 0, records: 0 }

/** Empty when there is nothing. */
function described({ leases, records }: Backlog, spilled: ReleasedSpill['waiting']): string {
  const inLeases = `${counted(records, 'record')} in ${counted(leases, 'lease')}`
  const inFiles = `${counted(spilled.records, 'record')} in ${counted(spilled.segments, 'spilled segment')}`
  return [...(leases > 0 ? [inLeases] : []), ...(spilled.segments > 0 ? [inFiles] : [])].join(' and ')
}

function formatSpilled(backlogs: readonly SpilledBacklog[], configured: ReadonlySet<string>): string {
  const heading = ['SPILLED FOR SINK', 'CONFIGURED', 'SEGMENTS', 'RECORDS', 'BYTES', 'FOLDER']
  const rows = backlogs.map(({ sink, segments, records, bytes, place }) => [
    sink,
    configured.has(sink) ? 'yes' : 'no',
    `${segments}`,
    `${records}`,
    `${bytes}`,
    place,
  ])
  return formatTable(heading, rows)
}

function formatMissing(backlogs: readonly SpilledBacklog[], configured: ReadonlySet<string>): string {
  const heading = ['MISSING FOR SINK', 'CONFIGURED', 'SEGMENTS', 'RECORDS', 'SINCE', 'FOLDER']
  const rows = backlogs.map(({ sink, segments, records, missingSince, place }) => [
    sink,
    configured.has(sink) ? 'yes' : 'no',
    `${segments}`,
    `${records}`,
    timeOf(missingSince ?? 0),
    place,
  ])
  const cure = 'put the files back into their folder; leases release --missing gives up what was in them\n'
  return formatTable(heading, rows) + cure
}

function describeAbsent({ folder, place, seenAt, segments }: AbsentFolder): string {
  const since = seenAt === null ? '' : ` since ${timeOf(seenAt)}`
  const what = `folder ${folder} at ${place}, ${counted(segments, 'spilled segment')}: no running pump has it${since}`
  const cure = segments === 0 ? 'forget it' : 'start a pump with it, or give up what is in it'
  return `${what}; ${cure}: leases release --folder=${folder}\n`
}

const timeOf = (seconds: number): string => `${new Date(seconds * 1000).toISOString().slice(0, -5)}Z`

function formatBacklogs(backlogs: readonly SinkBacklog[], configured: ReadonlySet<string>): string {
  if (backlogs.length === 0) return 'no leases: nothing waits for any sink\n'
  const heading = ['SINK', 'CONFIGURED', 'HELD LEASES', 'RECORDS', 'WAITING LEASES', 'RECORDS']
  const rows = backlogs.map(({ sink, held, waiting }) => [
    sink,
    configured.has(sink) ? 'yes' : 'no',
    `${held.leases}`,
    `${held.records}`,
    `${waiting.leases}`,
    `${waiting.records}`,
  ])
  return formatTable(heading, rows)
}
