/** The details of groups of errors. What tells two of them apart, the pattern of their paths, is in no field. */
import type { Clause } from './compile.ts'
import { type Group, MOST_PATHS, pathClauses } from './error-groups.ts'
import type { IndexFields } from './fields.ts'
import { type Aggregations, consumerAggregations, type Found, overTime, within } from './numbers.ts'
import type { SearchAnswer } from './search.ts'

/** What the groups of one API, version and code have in common. */
const placeName = ({ apiId, apiName, apiVersion, code }: Group): string =>
  JSON.stringify([apiId, apiName, apiVersion, code])

/** Elasticsearch 7 and OpenSearch 2 work on one search of a shard with one processor. */
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
 * @param known - All groups of the codes that are known as a whole.
 */
export function detailSearches(
  where: readonly Clause[],
  fields: IndexFields,
  shown: readonly Group[],
  known: readonly Group[],
  bucketMs: number,
): DetailSearches {
  const details = detailAggregations(fields, bucketMs)
  const filters = filtersOf(shown, known, fields)
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
  const cut = `of groups with more than ${MOST_PATHS} paths only these are in times and consumers`
  return { bodies, partial: filters.some(({ lookUps }) => lookUps > MOST_PATHS) ? cut : null }
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

/** Groups of one API, version and code. */
interface Place {
  readonly groups: Group[]
  paths: number
}

/** What the groups of one API id and code are called. */
interface Names {
  readonly apiNames: Set<string>
  readonly apiVersions: Set<string>
}

/** What is known of all groups, by what some of them have in common. */
interface Known {
  readonly places: ReadonlyMap<string, Place>
  readonly names: ReadonlyMap<string, Names>
}

function knownOf(groups: readonly Group[]): Known {
  const places = new Map<string, Place>()
  const names = new Map<string, Names>()
  for (const group of groups) {
    const place = entryOf(places, placeName(group), () => ({ groups: [], paths: 0 }))
    place.groups.push(group)
    place.paths += group.paths.length
    const { apiNames, apiVersions } = entryOf(names, apiCode(group), () => ({
      apiNames: new Set<string>(),
      apiVersions: new Set<string>(),
    }))
    apiNames.add(group.apiName)
    apiVersions.add(group.apiVersion)
  }
  return { places, names }
}

const apiCode = ({ apiId, code }: Group): string => JSON.stringify([apiId, code])

function entryOf<T>(map: Map<string, T>, key: string, create: () => T): T {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = create()
  map.set(key, made)
  return made
}

/**
 * By the paths that a group does not have, what comes between two searches under a path of its own would be taken for the group's.
 * Where few paths are looked up that is not worth it.
 */
const LOOK_UPS_WORTH_IT = 200

/**
 * To look many paths up takes long. So where all groups of an API, version and code are known, one that has more paths than
 * all others together is told by those.
 */
function filtersOf(shown: readonly Group[], groups: readonly Group[], fields: IndexFields): GroupFilter[] {
  const known = knownOf(groups)
  return shown.map((group, at) => {
    const { paths } = group
    const place = known.places.get(placeName(group)) ?? { groups: [], paths: Infinity }
    const others = place.paths - paths.length
    const filter = placeClauses(group, known.names.get(apiCode(group)) ?? null, fields)
    if (others <= MOST_PATHS && others + LOOK_UPS_WORTH_IT <= paths.length) {
      const theirs = place.groups.filter((one) => one !== group).flatMap((one) => one.paths)
      return { at, clause: { bool: { filter, must_not: pathClauses(theirs, fields) } }, lookUps: others }
    }
    const should = pathClauses(paths, fields)
    return { at, clause: { bool: { filter, should, minimum_should_match: 1 } }, lookUps: paths.length }
  })
}

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
    seen: { stats: { field: '@timestamp' } },
    time: overTime(bucketMs),
    example: { top_hits: { size: 1, _source: false, sort: [{ '@timestamp': { order: 'desc' } }] } },
    ...consumerAggregations(fields, EXACT_CONSUMERS),
    ...(fields.names.has(UPSTREAM) && {
      timed: { value_count: { field: fields.exact(UPSTREAM) } },
      upstream: within(fields.exact(UPSTREAM), [AT_UPSTREAM]),
    }),
  }
}

/**
 * Each clause is looked at for each group, and names and versions of APIs are not cheap: without them all details of 200
 * groups took 0.75 of the time (Elasticsearch 8, 1,000,000 documents). So they are left out where no other is known. What
 * comes between two searches under a new one counts with the others until the next question.
 *
 * @param names - Null: not all are known.
 */
function placeClauses(group: Group, names: Names | null, fields: IndexFields): Clause[] {
  const is = (name: string, value: string): Clause => {
    const exact = fields.exact(name)
    if (value !== '') return { term: { [exact]: value } }
    return {
      bool: { must_not: [{ bool: { filter: [{ exists: { field: exact } }], must_not: [{ term: { [exact]: '' } }] } }] },
    }
  }
  return [
    is('api_id', group.apiId),
    ...(names?.apiNames.size === 1 ? [] : [is('api_name', group.apiName)]),
    ...(names?.apiVersions.size === 1 ? [] : [is('api_version', group.apiVersion)]),
    { term: { [fields.exact('response_code')]: group.code } },
  ]
}
