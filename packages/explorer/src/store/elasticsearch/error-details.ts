/** The details of groups of errors. What tells two of them apart, the pattern of their paths, is in no field. */
import type { Clause } from './compile.ts'
import type { IndexFields } from './fields.ts'
import { type Aggregations, consumerAggregations, type Found, overTime, within } from './numbers.ts'
import type { SearchAnswer } from './search.ts'

/** Requests of one API, version and status code whose paths have one pattern. */
export interface Group {
  readonly apiId: string
  readonly apiName: string
  readonly apiVersion: string
  readonly pathPattern: string
  readonly code: number
  /** Null stands for those that are too long for the index. */
  readonly paths: (string | null)[]
  count: number
  /** 0: was not asked for. */
  lastMs: number
}

/** Below index.max_terms_count, which is 65,536 unless it was changed. */
const MOST_PATHS_OF_GROUP = 20_000

/** A server works on one search of a shard with one processor. More than two, on two processors, take longer. */
const SEARCHES = 2
/** What a group takes besides its paths, told as so many of them. */
const PATHS_PER_GROUP = 50

const UPSTREAM = 'latency_upstream_ms'
/** Milliseconds are whole: from the first one on a request was there. */
export const AT_UPSTREAM = { key: 'some', from: 1 }
/** Of two hundred groups: to be exact up to 40,000, as elsewhere, would be half of the time. */
const EXACT_CONSUMERS = 3000

export interface DetailSearches {
  /** To be asked at once. */
  readonly bodies: readonly object[]
  /** Why the details are not those of all requests of the groups. */
  readonly partial: string | null
}

/**
 * Searches for the details of the groups that are shown.
 *
 * @param groups - All that there are; null where some are not known.
 */
export function detailSearches(
  where: readonly Clause[],
  fields: IndexFields,
  shown: readonly Group[],
  groups: readonly Group[] | null,
  bucketMs: number,
): DetailSearches {
  const details = detailAggregations(fields, bucketMs)
  const filters = filtersOf(shown, groups, fields)
  const bodies = inParts(filters).map((part) => ({
    size: 0,
    track_total_hits: false,
    query: { bool: { filter: where } },
    aggs: {
      groups: {
        filters: { filters: Object.fromEntries(part.map(({ at, clause }) => [`${at}`, clause])) },
        aggs: details,
      },
    },
  }))
  const cut = `of groups with more than ${MOST_PATHS_OF_GROUP} paths only these are in times and consumers`
  return { bodies, partial: filters.some(({ lookUps }) => lookUps > MOST_PATHS_OF_GROUP) ? cut : null }
}

/** @returns By the place of a group among those that are shown. */
export function readDetails(answers: readonly SearchAnswer[]): ReadonlyMap<number, Found> {
  const named = answers.flatMap(({ aggregations }) =>
    Object.entries((aggregations?.['groups']?.['buckets'] ?? {}) as Readonly<Record<string, Found>>),
  )
  return new Map(named.map(([name, found]) => [Number(name), found]))
}

interface GroupFilter {
  /** The place of the group among those that are shown. */
  readonly at: number
  readonly clause: Clause
  /** Paths, each of which is looked up in every segment of the index. */
  readonly lookUps: number
}

/**
 * To look the paths up takes most of the time. So where all groups are known, the one with most paths of an API, version and
 * code is told by the paths that it does not have, if these are fewer.
 */
function filtersOf(shown: readonly Group[], groups: readonly Group[] | null, fields: IndexFields): GroupFilter[] {
  const places = new Map<string, Group[]>()
  for (const group of groups ?? []) {
    const place = places.get(placeName(group))
    if (place === undefined) places.set(placeName(group), [group])
    else place.push(group)
  }
  return shown.map((group, at) => {
    const { paths } = group
    const others = (places.get(placeName(group)) ?? []).filter((one) => one !== group).flatMap((one) => one.paths)
    const isRest = groups !== null && others.length < Math.min(paths.length, MOST_PATHS_OF_GROUP)
    const place = placeClauses(group, fields)
    const clause = isRest
      ? { bool: { filter: place, must_not: pathClauses(others, fields) } }
      : { bool: { filter: place, should: pathClauses(paths, fields), minimum_should_match: 1 } }
    return { at, clause, lookUps: isRest ? others.length : paths.length }
  })
}

const placeName = ({ apiId, apiName, apiVersion, code }: Group): string =>
  JSON.stringify([apiId, apiName, apiVersion, code])

/** As much work in each. */
function inParts(filters: readonly GroupFilter[]): GroupFilter[][] {
  const parts = Array.from({ length: Math.min(SEARCHES, filters.length) }, () => ({
    work: 0,
    filters: [] as GroupFilter[],
  }))
  for (const filter of filters.toSorted((a, b) => b.lookUps - a.lookUps)) {
    const least = parts.reduce((a, b) => (b.work < a.work ? b : a))
    least.work += filter.lookUps + PATHS_PER_GROUP
    least.filters.push(filter)
  }
  return parts.map((part) => part.filters)
}

function detailAggregations(fields: IndexFields, bucketMs: number): Aggregations {
  return {
    first: { min: { field: '@timestamp' } },
    last: { max: { field: '@timestamp' } },
    time: overTime(bucketMs),
    example: { top_hits: { size: 1, _source: false, sort: [{ '@timestamp': { order: 'desc' } }] } },
    ...consumerAggregations(fields, EXACT_CONSUMERS),
    ...(fields.names.has(UPSTREAM) && {
      timed: { value_count: { field: fields.exact(UPSTREAM) } },
      upstream: within(fields.exact(UPSTREAM), [AT_UPSTREAM]),
    }),
  }
}

function placeClauses({ apiId, apiName, apiVersion, code }: Group, fields: IndexFields): Clause[] {
  const is = (name: string, value: string): Clause => {
    const exact = fields.exact(name)
    if (value !== '') return { term: { [exact]: value } }
    return {
      bool: { must_not: [{ bool: { filter: [{ exists: { field: exact } }], must_not: [{ term: { [exact]: '' } }] } }] },
    }
  }
  const isCode = { term: { [fields.exact('response_code')]: code } }
  return [is('api_id', apiId), is('api_name', apiName), is('api_version', apiVersion), isCode]
}

/** That a request has one of the paths. */
function pathClauses(paths: Group['paths'], fields: IndexFields): Clause[] {
  const path = fields.exact('request_uri')
  const known = paths.filter((one) => one !== null)
  return [
    ...(known.length === 0 ? [] : [{ terms: { [path]: known.slice(0, MOST_PATHS_OF_GROUP) } }]),
    ...(known.length === paths.length ? [] : [{ bool: { must_not: [{ exists: { field: path } }] } }]),
  ]
}
