import type { ErrorGroup } from '../../api/types.ts'
import { unquoted } from '../../../../src/query/format.ts'
import { LONG_PATH } from '../../../../src/store/path-pattern.ts'
import { clickedTerm } from '../../state/query-line.ts'

export const SORTS = [
  { value: 'count', label: 'Most' },
  { value: 'last', label: 'Latest' },
  { value: 'new', label: 'Newest' },
  { value: 'share', label: 'Share of API' },
] as const
export type GroupSort = (typeof SORTS)[number]['value']

const RANK: Readonly<Record<GroupSort, (group: ErrorGroup) => number>> = {
  count: (group) => group.count,
  last: (group) => Date.parse(group.lastSeen),
  new: (group) => Date.parse(group.firstSeen),
  share: (group) => group.shareOfApi,
}

export function sortGroups(groups: readonly ErrorGroup[], by: GroupSort): ErrorGroup[] {
  return groups.toSorted((a, b) => RANK[by](b) - RANK[by](a) || b.count - a.count)
}

/** The terms that find the requests of a group. */
export function groupQuery({ apiId, apiName, apiVersion, pathPattern, code }: ErrorGroup): string[] {
  const terms = [
    `response_code:${code}`,
    apiName === '' ? clickedTerm('api_id', apiId) : clickedTerm('api_name', apiName),
  ]
  terms.push(clickedTerm('api_version', apiVersion))
  if (isPath(pathPattern)) terms.push(pathTerm(pathPattern))
  return terms
}

/** False for what finds nothing. */
export const isPath = (pattern: string): boolean => pattern !== '' && pattern !== LONG_PATH

/** An id becomes a star, and so does what is cut off. */
export function pathTerm(pattern: string): string {
  if (!/\{id\}|…/.test(pattern)) return clickedTerm('request_uri', pattern)
  return `request_uri:${unquoted(pattern).replace(/\{id\}|…/g, '*')}`
}
