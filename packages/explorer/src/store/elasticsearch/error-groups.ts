/**
 * Errors in groups by path pattern, which Elasticsearch cannot fold itself: pages of exact paths with their counts are folded
 * here.
 */
import type * as Api from '../../api/schema.ts'
import { compareTexts } from '../compare-texts.ts'
import { LONG_PATH, pathPattern } from '../path-pattern.ts'
import type { Clause } from './compile.ts'
import type { IndexFields } from './fields.ts'
import type { Found } from './numbers.ts'
import { partialityOf, type Search, type SearchAnswer } from './search.ts'

/** Requests of one API, version and status code whose paths have one pattern. */
export interface Group {
  /** No other one has it. */
  readonly name: string
  readonly apiId: string
  readonly apiName: string
  readonly apiVersion: string
  readonly pathPattern: string
  readonly code: number
  /** Null stands for those that are too long for the index. */
  readonly paths: (string | null)[]
  count: number
}

/** Below index.max_terms_count, which is 65,536 unless it was changed. */
export const MOST_PATHS = 20_000

const PATHS_PER_PAGE = 50_000
/** 100,000 exact paths of each class. What comes after them is counted as others, and said. */
const MOST_PAGES = 2
const MOST_GROUPS = 200

/** Asked for at once, because some servers work on one search of a shard with one processor. */
const CLASSES = [
  { name: '4xx', from: 400, to: 500 },
  { name: '5xx', from: 500, to: 600 },
] as const

type Class = (typeof CLASSES)[number]

export const codeClause = (fields: IndexFields, { from, to }: { from: number; to: number }): Clause => ({
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

export interface ShownGroups {
  readonly groups: readonly Group[]
  /** All groups of the classes that are known as a whole. */
  readonly known: readonly Group[]
  /** Of all failed requests, those that are in no group too. */
  readonly count: number
}

/** The groups with most requests. */
export async function readGroups(
  search: Search,
  where: readonly Clause[],
  fields: IndexFields,
  partial: Set<string>,
): Promise<ShownGroups> {
  const groups = new Map<string, Group>()
  const classes = await Promise.all(
    CLASSES.map((one) => readPaths(search, [...where, codeClause(fields, one)], fields, one.name, groups, partial)),
  )
  const all = [...groups.values()]
  return {
    groups: await chooseGroups(all, (tied) => readLast(search, where, fields, tied, partial)),
    known: all.filter(({ code }) => classes[classOf(code)]?.isWhole === true),
    count: classes.reduce((sum, { count }) => sum + count, 0),
  }
}

const classOf = (code: number): number => CLASSES.findIndex(({ from, to }) => code >= from && code < to)

interface ClassCount {
  /** Of all failed requests of the class, those that are in no group too. */
  readonly count: number
  /** All of its paths are in the groups. */
  readonly isWhole: boolean
}

/** Folds the paths of one class into the groups. */
async function readPaths(
  search: Search,
  where: readonly Clause[],
  fields: IndexFields,
  name: string,
  groups: Map<string, Group>,
  partial: Set<string>,
): Promise<ClassCount> {
  let count = 0
  let isWhole = true
  let hasAll = false
  for await (const { answer, buckets, isLast } of pathPages(search, where, fields, false)) {
    isWhole &&= note(partial, answer)
    count ||= answer.hits.total?.value ?? 0
    for (const bucket of buckets) fold(groups, bucket)
    hasAll = isLast
  }
  if (!hasAll) partial.add(`of ${name} only the first ${MOST_PAGES * PATHS_PER_PAGE} different paths are in groups`)
  return { count, isWhole: isWhole && hasAll }
}

interface ReadPage {
  readonly answer: SearchAnswer
  readonly buckets: readonly PathBucket[]
  /** No path comes after it. */
  readonly isLast: boolean
}

/** @param withLast - Also when each path was seen last, which takes about as long as all else. */
async function* pathPages(
  search: Search,
  where: readonly Clause[],
  fields: IndexFields,
  withLast: boolean,
): AsyncGenerator<ReadPage> {
  let after: PathKey | undefined
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer = await search(pathsBody(where, fields, after, withLast))
    const { buckets, after_key: next } = (answer.aggregations?.['paths'] as PathPage | undefined) ?? { buckets: [] }
    const isLast = buckets.length < PATHS_PER_PAGE || next === undefined
    yield { answer, buckets, isLast }
    if (isLast) return
    after = next
  }
}

/**
 * Those with most requests; of as many, those that were seen last.
 *
 * @param readLastOf - When groups were seen. Asked only where it decides which ones are shown.
 */
async function chooseGroups(
  groups: readonly Group[],
  readLastOf: (groups: readonly Group[]) => Promise<(group: Group) => number>,
): Promise<Group[]> {
  const sorted = groups.toSorted((a, b) => b.count - a.count)
  const { count } = sorted[MOST_GROUPS] ?? { count: 0 }
  const sure = sorted.slice(0, MOST_GROUPS).filter((group) => group.count > count)
  if (sure.length === MOST_GROUPS || count === 0) return sure
  const tied = sorted.filter((group) => group.count === count)
  const lastOf = await readLastOf(tied)
  const latest = tied
    .map((group) => ({ group, last: lastOf(group), place: placeOf(group) }))
    .toSorted((a, b) => b.last - a.last || compareTexts(a.place, b.place))
  return [...sure, ...latest.slice(0, MOST_GROUPS - sure.length).map(({ group }) => group)]
}

/** When groups were seen last, in milliseconds since 1970. */
async function readLast(
  search: Search,
  where: readonly Clause[],
  fields: IndexFields,
  groups: readonly Group[],
  partial: Set<string>,
): Promise<(group: Group) => number> {
  const last = new Map<string, number>()
  const read = async (one: Class): Promise<void> => {
    const ofClass = groups.filter(({ code }) => CLASSES[classOf(code)] === one)
    const paths = [...new Set(ofClass.flatMap((group) => group.paths))]
    if (paths.length === 0) return
    // Of more paths than may be asked for, all are read.
    const only = { bool: { should: pathClauses(paths, fields), minimum_should_match: 1 } }
    const clauses = [...where, codeClause(fields, one), ...(paths.length > MOST_PATHS ? [] : [only])]
    for await (const { answer, buckets } of pathPages(search, clauses, fields, true)) {
      note(partial, answer)
      for (const { key, last: seen } of buckets) {
        const name = groupName(key, patternOf(key))
        last.set(name, Math.max(last.get(name) ?? 0, seen?.value ?? 0))
      }
    }
  }
  await Promise.all(CLASSES.map(read))
  return ({ name }) => last.get(name) ?? 0
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

const patternOf = ({ path }: PathKey): string => (path === null ? LONG_PATH : pathPattern(path))

/** No text and the empty one are the same to who reads them. */
const groupName = ({ id, name, version, code }: PathKey, pattern: string): string =>
  JSON.stringify([id ?? '', name ?? '', version ?? '', code, pattern])

function fold(groups: Map<string, Group>, { key, doc_count: count }: PathBucket): void {
  const pattern = patternOf(key)
  const name = groupName(key, pattern)
  const group = groups.get(name)
  if (group !== undefined) {
    group.count += count
    group.paths.push(key.path)
    return
  }
  groups.set(name, {
    name,
    apiId: key.id ?? '',
    apiName: key.name ?? '',
    apiVersion: key.version ?? '',
    pathPattern: pattern,
    code: key.code,
    paths: [key.path],
    count,
  })
}

type Place = Pick<Api.ErrorGroup, 'apiId' | 'apiVersion' | 'pathPattern' | 'code'>
export const placeOf = ({ apiId, apiVersion, pathPattern: pattern, code }: Place): string =>
  JSON.stringify([apiId, apiVersion, pattern, code])

/** @returns Whether the answer is whole. */
export function note(partial: Set<string>, answer: SearchAnswer): boolean {
  const reason = partialityOf(answer)
  if (reason !== null) partial.add(reason)
  return reason === null
}

/** Of which one is true of a request that has one of the paths. */
export function pathClauses(paths: Group['paths'], fields: IndexFields): Clause[] {
  const path = fields.exact('request_uri')
  const known = paths.filter((one) => one !== null)
  return [
    ...(known.length === 0 ? [] : [{ terms: { [path]: known.slice(0, MOST_PATHS) } }]),
    ...(known.length === paths.length ? [] : [{ bool: { must_not: [{ exists: { field: path } }] } }]),
  ]
}
