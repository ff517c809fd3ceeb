import type * as Api from '../../api/schema.ts'
import { LONG_PATH, pathPattern } from '../path-pattern.ts'
import { madeBy, reasonOf } from '../reasons.ts'
import type { Answer, Question } from '../types.ts'
import type { Clause } from './compile.ts'
import { AT_UPSTREAM, detailSearches, type Group, readDetails } from './error-details.ts'
import type { IndexFields } from './fields.ts'
import { type Found, partOf, readConsumers, timeBuckets } from './numbers.ts'
import { timeClause } from './overview.ts'
import { partialityOf, type Search, type SearchAnswer } from './search.ts'

/**
 * Errors in groups by path pattern, which Elasticsearch cannot fold itself: pages of exact paths with their counts are folded
 * here, then the details of the groups that are shown are asked for.
 */
const PATHS_PER_PAGE = 50_000
/** 100,000 exact paths of each class. What comes after them is counted as others, and said. */
const MOST_PAGES = 2
const MOST_GROUPS = 200
/** What their requests are is asked for before it is known which of them have errors. */
const MOST_APIS = 500

/** Asked for at once, because a server works on one search of a shard with one processor. */
const CLASSES = [
  { name: '4xx', from: 400, to: 500 },
  { name: '5xx', from: 500, to: 600 },
] as const

const codeClause = (fields: IndexFields, from: number, to: number): Clause => ({
  range: { [fields.exact('response_code')]: { gte: from, lt: to } },
})

interface PathKey {
  readonly id: string | null
  readonly name: string | null
  readonly version: string | null
  readonly code: number
  readonly path: string | null
}

interface PathBucket extends Found {
  readonly key: PathKey
  readonly last?: { readonly value: number }
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
  const { fromMs, toMs, bucketMs } = question
  const time = timeClause(fromMs, toMs)
  const groupsOf = (withLast: boolean): Promise<KnownGroups> => readGroups(search, [time, filter], fields, withLast)
  const [first, ofApis] = await Promise.all([groupsOf(false), search(apisBody(time, fields, null))])
  const { groups, count, partial } = isCutInTie(first.groups) ? await groupsOf(true) : first
  const shown = groups.toSorted(byCount).slice(0, MOST_GROUPS)
  const others = count - sum(shown.map((group) => group.count))
  if (shown.length === 0) return { groups: [], others, partial: textOf(partial) }
  const totals = apiTotals(ofApis)
  const rarer = [...new Set(shown.map(({ apiId }) => apiId))].filter((id) => !totals.has(id))
  const failures = [time, codeClause(fields, 400, 600), filter]
  const details = detailSearches(failures, fields, shown, partial.size === 0 ? groups : null, bucketMs)
  if (details.partial !== null) partial.add(details.partial)
  const [answers, ofRarer] = await Promise.all([
    Promise.all(details.bodies.map(search)),
    Promise.all(rarer.length === 0 ? [] : [search(apisBody(time, fields, rarer))]),
  ])
  for (const answer of [ofApis, ...ofRarer, ...answers]) note(partial, answer)
  for (const answer of ofRarer) for (const [id, requests] of apiTotals(answer)) totals.set(id, requests)
  const found = readDetails(answers)
  const rows = shown.flatMap((group, at) => toGroup(group, found.get(at), totals, question) ?? [])
  return { groups: rows.toSorted(inOrder), others, partial: textOf(partial) }
}

interface KnownGroups {
  readonly groups: readonly Group[]
  /** Of all requests, those that are in no group too. */
  readonly count: number
  readonly partial: Set<string>
}

/** @param withLast - When each was last seen: two thirds more time. */
async function readGroups(
  search: Search,
  where: readonly Clause[],
  fields: IndexFields,
  withLast: boolean,
): Promise<KnownGroups> {
  const groups = new Map<string, Group>()
  const partial = new Set<string>()
  const counts = await Promise.all(
    CLASSES.map(({ name, from, to }) => {
      const clauses = [...where, codeClause(fields, from, to)]
      const ask = (after: PathKey | undefined): Promise<SearchAnswer> =>
        search(pathsBody(clauses, fields, after, withLast))
      return readPaths(ask, name, groups, partial)
    }),
  )
  return { groups: [...groups.values()], count: sum(counts), partial }
}

/** Which groups are shown depends on when they were seen. */
function isCutInTie(groups: readonly Group[]): boolean {
  if (groups.length <= MOST_GROUPS) return false
  const counts = groups.map(({ count }) => count).toSorted((a, b) => b - a)
  return counts[MOST_GROUPS - 1] === counts[MOST_GROUPS]
}

/** Folds the paths of one class into the groups. @returns How many requests it has. */
async function readPaths(
  ask: (after: PathKey | undefined) => Promise<SearchAnswer>,
  name: string,
  groups: Map<string, Group>,
  partial: Set<string>,
): Promise<number> {
  let count = 0
  let after: PathKey | undefined
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer = await ask(after)
    note(partial, answer)
    if (page === 0) count = answer.hits.total?.value ?? 0
    const { buckets = [], after_key: next } = (answer.aggregations?.['paths'] ?? {}) as Partial<PathPage>
    for (const bucket of buckets) fold(groups, bucket)
    after = next
    if (buckets.length < PATHS_PER_PAGE || after === undefined) return count
  }
  partial.add(`of ${name} only the first ${MOST_PAGES * PATHS_PER_PAGE} different paths are in groups`)
  return count
}

function pathsBody(
  where: readonly Clause[],
  fields: IndexFields,
  after: PathKey | undefined,
  withLast: boolean,
): object {
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
    ...(withLast && { aggs: { last: { max: { field: '@timestamp' } } } }),
  }
  // Below another aggregation Elasticsearch 7.10 takes no composite one.
  return { size: 0, track_total_hits: after === undefined, query: { bool: { filter: where } }, aggs: { paths } }
}

function apiTotals(answer: SearchAnswer): Map<string, number> {
  const buckets = (answer.aggregations?.['apis']?.['buckets'] ?? []) as readonly (Found & { key: string })[]
  return new Map(buckets.map(({ key, doc_count: count }) => [key, count]))
}

function fold(groups: Map<string, Group>, { key, doc_count: count, last }: PathBucket): void {
  const lastMs = last?.value ?? 0
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

function inOrder(a: Api.ErrorGroup, b: Api.ErrorGroup): number {
  return b.count - a.count || compare(b.lastSeen, a.lastSeen) || compare(placeOf(a), placeOf(b))
}

type Place = Pick<Api.ErrorGroup, 'apiId' | 'apiVersion' | 'pathPattern' | 'code'>
const placeOf = ({ apiId, apiVersion, pathPattern: pattern, code }: Place): string =>
  JSON.stringify([apiId, apiVersion, pattern, code])

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/**
 * An API's share is of all its requests, whatever the query, so this has a search of its own.
 *
 * @param ids - Null: those with most requests.
 */
function apisBody(time: Clause, fields: IndexFields, ids: readonly string[] | null): object {
  const terms = {
    field: fields.exact('api_id'),
    missing: '',
    size: ids?.length ?? MOST_APIS,
    ...(ids && { include: ids }),
  }
  return { size: 0, track_total_hits: false, query: { bool: { filter: [time] } }, aggs: { apis: { terms } } }
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

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)
