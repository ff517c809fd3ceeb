import type * as Api from '../../api/schema.ts'
import { LONG_PATH, pathPattern } from '../path-pattern.ts'
import { madeBy, reasonOf } from '../reasons.ts'
import type { Answer, Question } from '../types.ts'
import type { Clause } from './compile.ts'
import type { IndexFields } from './fields.ts'
import { consumerAggregations, type Found, overTime, partOf, readConsumers, timeBuckets, within } from './numbers.ts'
import { timeClause } from './overview.ts'
import { partialityOf, type Search, type SearchAnswer } from './search.ts'

/**
 * Errors in groups by path pattern, which Elasticsearch cannot fold itself: pages of exact paths with their counts are folded
 * here, then one search asks for the details of the groups that are shown.
 */
const PATHS_PER_PAGE = 50_000
/** 100,000 exact paths. What comes after them is counted as others, and said. */
const MOST_PAGES = 2
const MOST_GROUPS = 200
/** Below index.max_terms_count, for all groups of one search. */
const MOST_PATHS_OF_GROUP = 20_000

const failedClause = (fields: IndexFields): Clause => ({
  range: { [fields.exact('response_code')]: { gte: 400, lt: 600 } },
})
const UPSTREAM = 'latency_upstream_ms'
/** Milliseconds are whole: from the first one on a request was there. */
const AT_UPSTREAM = { key: 'some', from: 1 }
/** Of two hundred groups: to be exact up to 40,000, as elsewhere, would be half of the time. */
const EXACT_CONSUMERS = 3000

interface Group {
  readonly apiId: string
  readonly apiName: string
  readonly apiVersion: string
  readonly pathPattern: string
  readonly code: number
  readonly paths: (string | null)[]
  count: number
  lastMs: number
}

interface PathKey {
  readonly id: string | null
  readonly name: string | null
  readonly version: string | null
  readonly code: number
  readonly path: string | null
}

interface PathBucket extends Found {
  readonly key: PathKey
  readonly last: { readonly value: number }
}

interface PathPage {
  readonly buckets: readonly PathBucket[]
  readonly after_key?: PathKey
}

export async function readErrors(
  search: Search,
  question: Question,
  filter: Clause,
  fields: IndexFields,
): Promise<Answer<Omit<Api.Errors, 'range' | 'quality'>>> {
  const time = timeClause(question.fromMs, question.toMs)
  const failures = [failedClause(fields), filter]
  const groups = new Map<string, Group>()
  const partial = new Set<string>()
  let failed = 0
  let after: PathKey | undefined
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer = await search(pathsBody([time, ...failures], fields, after))
    note(partial, answer)
    if (page === 0) failed = answer.hits.total?.value ?? 0
    const { buckets = [], after_key: next } = (answer.aggregations?.['paths'] ?? {}) as Partial<PathPage>
    for (const bucket of buckets) fold(groups, bucket)
    after = next
    if (buckets.length < PATHS_PER_PAGE || after === undefined) break
    if (page === MOST_PAGES - 1)
      partial.add(`only the first ${MOST_PAGES * PATHS_PER_PAGE} different paths are in groups`)
  }
  const shown = [...groups.values()].toSorted(byCount).slice(0, MOST_GROUPS)
  const others = failed - shown.reduce((sum, { count }) => sum + count, 0)
  if (shown.length === 0) return { groups: [], others, partial: textOf(partial) }
  if (shown.some(({ paths }) => paths.length > MOST_PATHS_OF_GROUP)) {
    partial.add(`of groups with more than ${MOST_PATHS_OF_GROUP} paths only these are in times and consumers`)
  }
  const [details, ofApis] = await Promise.all([
    search(detailsBody([time, ...failures], fields, shown, question.bucketMs)),
    search(apisBody(time, fields, shown)),
  ])
  note(partial, details)
  note(partial, ofApis)
  const found = (details.aggregations?.['groups']?.['buckets'] ?? {}) as Readonly<Record<string, Found>>
  const totals = apiTotals(ofApis)
  return {
    groups: shown.flatMap((group, at) => toGroup(group, found[`${at}`], totals, question) ?? []),
    others,
    partial: textOf(partial),
  }
}

function pathsBody(where: readonly Clause[], fields: IndexFields, after: PathKey | undefined): object {
  const source = (name: string, field: string): object => ({
    [name]: { terms: { field: fields.exact(field), missing_bucket: true } },
  })
  const paths = {
    composite: {
      size: PATHS_PER_PAGE,
      sources: [
        source('id', 'api_id'),
        source('name', 'api_name'),
        source('version', 'api_version'),
        source('code', 'response_code'),
        source('path', 'request_uri'),
      ],
      ...(after && { after }),
    },
    aggs: { last: { max: { field: '@timestamp' } } },
  }
  // Below another aggregation Elasticsearch 7.10 takes no composite one.
  return { size: 0, track_total_hits: after === undefined, query: { bool: { filter: where } }, aggs: { paths } }
}

function apiTotals(answer: SearchAnswer): Map<string, number> {
  const buckets = (answer.aggregations?.['apis']?.['buckets'] ?? []) as readonly (Found & { key: string })[]
  return new Map(buckets.map(({ key, doc_count: count }) => [key, count]))
}

function fold(groups: Map<string, Group>, { key, doc_count: count, last: { value: lastMs } }: PathBucket): void {
  const pattern = key.path === null ? LONG_PATH : pathPattern(key.path)
  // No text and the empty one are the same to who reads them.
  const name = JSON.stringify([key.id ?? '', key.name ?? '', key.version ?? '', key.code, pattern])
  const group = groups.get(name)
  if (group === undefined) {
    groups.set(name, {
      apiId: key.id ?? '',
      apiName: key.name ?? '',
      apiVersion: key.version ?? '',
      pathPattern: pattern,
      code: key.code,
      paths: [key.path],
      count,
      lastMs,
    })
    return
  }
  group.count += count
  group.lastMs = Math.max(group.lastMs, lastMs)
  group.paths.push(key.path)
}

function byCount(a: Group, b: Group): number {
  return b.count - a.count || b.lastMs - a.lastMs || compare(placeOf(a), placeOf(b))
}

const placeOf = ({ apiId, apiVersion, pathPattern: pattern, code }: Group): string =>
  JSON.stringify([apiId, apiVersion, pattern, code])

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function detailsBody(
  where: readonly Clause[],
  fields: IndexFields,
  groups: readonly Group[],
  bucketMs: number,
): object {
  const filters = groups.map((group, at): [string, Clause] => [`${at}`, groupClause(group, fields)])
  const details = {
    filters: { filters: Object.fromEntries(filters) },
    aggs: {
      first: { min: { field: '@timestamp' } },
      last: { max: { field: '@timestamp' } },
      time: overTime(bucketMs),
      example: { top_hits: { size: 1, _source: false, sort: [{ '@timestamp': { order: 'desc' } }] } },
      ...consumerAggregations(fields, EXACT_CONSUMERS),
      ...(fields.names.has(UPSTREAM) && {
        timed: { value_count: { field: fields.exact(UPSTREAM) } },
        upstream: within(fields.exact(UPSTREAM), [AT_UPSTREAM]),
      }),
    },
  }
  return { size: 0, track_total_hits: false, query: { bool: { filter: where } }, aggs: { groups: details } }
}

/** An API's share is of all its requests, whatever the query, so this has a search of its own. */
function apisBody(time: Clause, fields: IndexFields, groups: readonly Group[]): object {
  const apis = [...new Set(groups.map(({ apiId }) => apiId))]
  return {
    size: 0,
    track_total_hits: false,
    query: { bool: { filter: [time] } },
    aggs: {
      apis: { terms: { field: fields.exact('api_id'), include: apis, size: apis.length, missing: '' } },
    },
  }
}

function groupClause({ apiId, apiName, apiVersion, code, paths }: Group, fields: IndexFields): Clause {
  const is = (name: string, value: string): Clause => {
    const exact = fields.exact(name)
    if (value !== '') return { term: { [exact]: value } }
    return {
      bool: { must_not: [{ bool: { filter: [{ exists: { field: exact } }], must_not: [{ term: { [exact]: '' } }] } }] },
    }
  }
  const path = fields.exact('request_uri')
  const known = paths.filter((one) => one !== null).slice(0, MOST_PATHS_OF_GROUP)
  const isLong = known.length === 0
  return {
    bool: {
      filter: [
        is('api_id', apiId),
        is('api_name', apiName),
        is('api_version', apiVersion),
        { term: { [fields.exact('response_code')]: code } },
        ...(isLong ? [] : [{ terms: { [path]: known } }]),
      ],
      must_not: isLong ? [{ exists: { field: path } }] : [],
    },
  }
}

function toGroup(
  group: Group,
  found: Found | undefined,
  totals: ReadonlyMap<string, number>,
  { fromMs, toMs, bucketMs }: Question,
): Api.ErrorGroup | null {
  const example = (found?.['example'] as { hits: { hits: readonly { _id: string }[] } } | undefined)?.hits.hits[0]?._id
  // It was deleted between the two searches.
  if (found === undefined || example === undefined) return null
  const { apiId, apiName, apiVersion, pathPattern: pattern, code, count } = group
  // Flat documents have no time of the upstream.
  const timed = (found['timed'] as { readonly value: number } | undefined)?.value ?? 0
  const by = madeBy(code, timed, timed === 0 ? 0 : partOf(found['upstream'] as Found, AT_UPSTREAM.key).doc_count)
  const first = Math.floor(fromMs / bucketMs)
  const sparkline = Array.from({ length: Math.floor((toMs - 1) / bucketMs) - first + 1 }, () => 0)
  for (const { key, doc_count: records } of timeBuckets(found['time'])) sparkline[key / bucketMs - first] = records
  const time = (name: string): string => new Date((found[name] as { value: number }).value).toISOString()
  return {
    apiId,
    apiName,
    apiVersion,
    pathPattern: pattern,
    code,
    reason: reasonOf(code, by),
    madeBy: by,
    count,
    shareOfApi: Math.min(1, count / Math.max(count, totals.get(apiId) ?? 0)),
    firstSeen: time('first'),
    lastSeen: time('last'),
    consumers: readConsumers(found),
    sparkline,
    example,
  }
}

function note(partial: Set<string>, answer: SearchAnswer): void {
  const reason = partialityOf(answer)
  if (reason !== null) partial.add(reason)
}

const textOf = (partial: ReadonlySet<string>): string | null => (partial.size === 0 ? null : [...partial].join('; '))
