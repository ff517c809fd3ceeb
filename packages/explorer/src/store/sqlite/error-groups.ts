import { compareTexts } from '../compare-texts.ts'
import type { ErrorGroup, Errors } from '../../api/schema.ts'
import { pathPattern } from '../path-pattern.ts'
import { madeBy, reasonOf } from '../reasons.ts'
import type { Question } from '../types.ts'
import { Buckets, statusClass } from './buckets.ts'
import { Dictionary } from './columns.ts'
import { consumersOf } from './consumers.ts'
import type { Codes, Matches } from './matches.ts'

const MAX_GROUPS = 200

interface Group {
  /** Of any row of the group: they agree in all that names it. */
  readonly example: number
  count: number
  firstMs: number
  lastMs: number
  lastIndex: number
  /** Of how many the upstream's time is known, and how many of these spent some there. */
  timed: number
  atUpstream: number
}

/**
 * Failed requests, 400 to 599, by API, version, path pattern and code; the largest groups first.
 *
 * @param all - Every request of the range whatever the query, for the share of each API.
 * @param idOf - Id of the row at an index of `matches`.
 */
export function errorsOf(
  matches: Matches,
  all: Matches,
  question: Question,
  idOf: (index: number) => string,
): Omit<Errors, 'range' | 'quality'> {
  const buckets = new Buckets(question)
  const keys = new GroupKeys(matches)
  const { groups, groupOfRow, failed } = collect(matches, keys)
  const shown = [...groups.entries()]
    .sort(
      ([, a], [, b]) =>
        b.count - a.count || b.lastMs - a.lastMs || compareTexts(keys.placeOf(a.example), keys.placeOf(b.example)),
    )
    .slice(0, MAX_GROUPS)
  const slots = new Int32Array(groups.length).fill(-1)
  for (const [slot, [group]] of shown.entries()) slots[group] = slot
  const details = detailsOf(matches, groupOfRow, slots, shown.length, buckets)
  const totals = totalsByApi(all)
  return {
    groups: shown.map(([, group], slot): ErrorGroup => {
      const named = keys.describe(group.example)
      const by = madeBy(named.code, group.timed, group.atUpstream)
      return {
        ...named,
        reason: reasonOf(named.code, by),
        madeBy: by,
        count: group.count,
        shareOfApi: group.count / Math.max(1, totals.get(named.apiId) ?? group.count),
        firstSeen: new Date(group.firstMs).toISOString(),
        lastSeen: new Date(group.lastMs).toISOString(),
        consumers: details.consumers[slot]?.size ?? 0,
        sparkline: [...(details.sparklines[slot] ?? [])],
        example: idOf(group.lastIndex),
      }
    }),
    others: failed - shown.reduce((sum, [, { count }]) => sum + count, 0),
  }
}

function collect(matches: Matches, keys: GroupKeys) {
  const upstream = matches.numbers('latency_upstream_ms')
  const groups: Group[] = []
  const groupOfRow = new Int32Array(matches.count).fill(-1)
  const known = new Map<number, number>()
  let failed = 0
  for (let index = 0; index < matches.count; index++) {
    if (!keys.isFailed(index)) continue
    failed++
    const time = matches.times[index] as number
    const key = keys.keyOf(index)
    const number = known.get(key) ?? groups.length
    groupOfRow[index] = number
    let group = groups[number]
    if (group === undefined) {
      known.set(key, number)
      group = { example: index, count: 0, firstMs: time, lastMs: time, lastIndex: index, timed: 0, atUpstream: 0 }
      groups.push(group)
    }
    group.count++
    const upstreamMs = upstream?.[index] ?? NaN
    if (!Number.isNaN(upstreamMs)) group.timed++
    if (upstreamMs > 0) group.atUpstream++
    if (time < group.firstMs) group.firstMs = time
    if (time < group.lastMs) continue
    group.lastMs = time
    group.lastIndex = index
  }
  return { groups, groupOfRow, failed }
}

/** Only for the groups that are shown: the others may be many. */
function detailsOf(matches: Matches, groupOfRow: Int32Array, slots: Int32Array, count: number, buckets: Buckets) {
  const { values: consumerOf } = consumersOf(matches)
  const consumers = Array.from({ length: count }, () => new Set<number>())
  const sparklines = Array.from({ length: count }, () => new Uint32Array(buckets.count))
  for (let index = 0; index < matches.count; index++) {
    const group = groupOfRow[index] as number
    const slot = group < 0 ? -1 : (slots[group] as number)
    const sparkline = sparklines[slot]
    if (sparkline === undefined) continue
    const bucket = buckets.of(matches.times[index] as number)
    sparkline[bucket] = (sparkline[bucket] as number) + 1
    const consumer = consumerOf[index] as number
    if (consumer >= 0) consumers[slot]?.add(consumer)
  }
  return { consumers, sparklines }
}

function totalsByApi(all: Matches): Map<string, number> {
  const apis = all.codes('api_id')
  const totals = new Map<string, number>()
  if (apis === null) return totals
  const counts = new Uint32Array(apis.dictionary.texts.length)
  for (const code of apis.values) counts[code] = (counts[code] as number) + 1
  for (const [code, count] of counts.entries()) totals.set(apis.dictionary.textOf(code), count)
  return totals
}

/** Numbers for what names a group: a million failed requests make no million texts. */
class GroupKeys {
  readonly #codes: Float64Array | null
  readonly #apiId: Codes | null
  readonly #apiName: Codes | null
  readonly #apiVersion: Codes | null
  readonly #path: Codes | null
  readonly #patterns = new Dictionary()
  readonly #patternOfPath: (number | undefined)[] = []
  readonly #pairs: PairNumbers[] = Array.from({ length: 4 }, () => new PairNumbers())

  constructor(matches: Matches) {
    this.#codes = matches.numbers('response_code')
    this.#apiId = matches.codes('api_id')
    this.#apiName = matches.codes('api_name')
    this.#apiVersion = matches.codes('api_version')
    this.#path = matches.codes('request_uri')
  }

  isFailed(index: number): boolean {
    return statusClass(this.#codes?.[index] ?? 0) >= 4
  }

  keyOf(index: number): number {
    const parts = [
      this.#apiName?.values[index] ?? 0,
      this.#apiVersion?.values[index] ?? 0,
      this.#patternOf(index),
      this.#code(index),
    ]
    let key = this.#apiId?.values[index] ?? 0
    for (let at = 0; at < parts.length; at++) key = (this.#pairs[at] as PairNumbers).of(key, parts[at] as number)
    return key
  }

  describe(index: number): Pick<ErrorGroup, 'apiId' | 'apiName' | 'apiVersion' | 'pathPattern' | 'code'> {
    return {
      apiId: textAt(this.#apiId, index),
      apiName: textAt(this.#apiName, index),
      apiVersion: textAt(this.#apiVersion, index),
      pathPattern: this.#patterns.textOf(this.#patternOf(index)),
      code: this.#code(index),
    }
  }

  /** Decides the order of groups that are equal otherwise. */
  placeOf(index: number): string {
    const { apiId, apiVersion, pathPattern: pattern, code } = this.describe(index)
    return JSON.stringify([apiId, apiVersion, pattern, code])
  }

  #code(index: number): number {
    return Math.trunc(this.#codes?.[index] ?? 0)
  }

  #patternOf(index: number): number {
    const path = this.#path?.values[index] ?? -1
    if (path < 0) return this.#patterns.codeOf('')
    return (this.#patternOfPath[path] ??= this.#patterns.codeOf(pathPattern(textAt(this.#path, index))))
  }
}

function textAt(codes: Codes | null, index: number): string {
  return codes === null ? '' : codes.dictionary.textOf(codes.values[index] as number)
}

/** One number for two, the same for the same two. */
class PairNumbers {
  readonly #known = new Map<number, number>()

  of(a: number, b: number): number {
    const pair = a * 2 ** 26 + b
    const known = this.#known.get(pair)
    if (known !== undefined) return known
    const number = this.#known.size
    this.#known.set(pair, number)
    return number
  }
}
