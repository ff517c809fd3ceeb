import { isAtLeast, type Server } from '../server.ts'
import type { StreamNames } from './data-stream.ts'
import { type Mark, markOf, markText, readMark, readMarkText } from './mark.ts'
import { onEveryDay, onRecentDays } from './patterns.ts'
import type { Json, Resource } from './resource.ts'

export interface LifecycleLimits {
  /** 0: no limit. */
  readonly rolloverSizeGb: number
  /** 0: no limit. */
  readonly rolloverDays: number
  /** 0: nothing is deleted. */
  readonly retentionDays: number
}

export const hasLimits = ({ rolloverSizeGb, rolloverDays, retentionDays }: LifecycleLimits): boolean =>
  rolloverSizeGb > 0 || rolloverDays > 0 || retentionDays > 0

/**
 * The policy that begins new indices and deletes old ones. Without limits it is not made; the one of earlier limits becomes
 * one that does nothing, for indices go on following it.
 *
 * @param kept - The mark of the policy that is there, where it cannot bear it.
 */
export function lifecyclePolicy(
  { base, pattern }: StreamNames,
  limits: LifecycleLimits,
  server: Server,
  kept: Mark | null,
): Resource {
  const { rolloverSizeGb: size, retentionDays: retention } = limits
  // An index in which days of records lie is deleted as a whole.
  const days = retention > 0 ? Math.min(retention, limits.rolloverDays || retention) : limits.rolloverDays
  const counted: Counted = { size, days, retention, since: 'rollover' }
  const policy =
    server.distribution === 'opensearch'
      ? ismPolicy(base, [pattern], `.ds-${base}-*`, counted)
      : ilmPolicy(base, counted, server, kept)
  return hasLimits(limits) ? policy : { ...policy, existing: true }
}

/**
 * The policy that deletes indices of `rolling_index`. Records go into one until its day is over: with a day more no record is
 * deleted before its time.
 *
 * @param names - Of the indices, without the day; the policy has that of the sink's own.
 * @param retentionDays - 0: it is not made, or does nothing any more.
 * @param kept - The mark of the policy that is there, where it cannot bear it.
 */
export function dailyPolicy(
  own: string,
  names: readonly string[],
  retentionDays: number,
  server: Server,
  kept: Mark | null,
): Resource {
  const counted: Counted = { size: 0, days: 0, retention: retentionDays && retentionDays + 1, since: 'creation' }
  const indices = names.flatMap(onRecentDays).join()
  const policy =
    server.distribution === 'opensearch'
      ? {
          ...ismPolicy(own, names.flatMap(onEveryDay), indices, counted),
          afterCreate: `indices of days before follow no policy, until POST /_plugins/_ism/add/${indices} {"policy_id":"${own}"}`,
        }
      : {
          ...ilmPolicy(own, counted, server, kept),
          afterCreate: `indices of days before follow no policy, until PUT /${indices}/_settings {"index.lifecycle.name":"${own}"}`,
        }
  return retentionDays > 0 ? policy : { ...policy, existing: true }
}

/** Gigabytes and days; 0: no limit. */
interface Counted {
  readonly size: number
  readonly days: number
  readonly retention: number
  /** What the retention is counted from. */
  readonly since: 'rollover' | 'creation'
}

/** Index lifecycle management of Elasticsearch. Indices name their policy in their settings. */
function ilmPolicy(name: string, { size, days, retention }: Counted, server: Server, kept: Mark | null): Resource {
  const sizeLimit = isAtLeast(server, 7, 13) ? 'max_primary_shard_size' : 'max_size'
  const rollover = { ...(days > 0 && { max_age: `${days}d` }), ...(size > 0 && { [sizeLimit]: `${size}gb` }) }
  const rolls = size > 0 || days > 0
  const phases = {
    // The age of an index that was not rolled over is counted from when it was made.
    ...((rolls || retention === 0) && { hot: { min_age: '0ms', actions: rolls ? { rollover } : {} } }),
    ...(retention > 0 && { delete: { min_age: `${retention}d`, actions: { delete: {} } } }),
  }
  // An object without members stands for something here.
  const mark = markOf({ phases: JSON.stringify(sorted(phases)) })
  return {
    what: `the lifecycle policy ${name}`,
    path: `/_ilm/policy/${encodeURIComponent(name)}`,
    mark,
    body: { policy: { ...(isAtLeast(server, 7, 16) && { _meta: mark }), phases } },
    read: ({ body }) => {
      const { policy } = ((body ?? {}) as Json)[name] as { policy: Json }
      return {
        mark: readMark(policy['_meta']) ?? kept,
        content: { phases: JSON.stringify(sorted(policy['phases'], isDefaultOfIlm)) },
      }
    },
    // What a policy does is done as the user who has put it.
    privilege: 'the cluster privilege manage_ilm, and manage on the indices',
  }
}

const isDefaultOfIlm = (name: string, value: unknown): boolean =>
  value === null || (name === 'delete_searchable_snapshot' && value === true)

/**
 * Index state management of OpenSearch. A policy names the indices it is for.
 *
 * @param indices - Those that follow it, in a request of a person.
 */
function ismPolicy(
  name: string,
  patterns: readonly string[],
  indices: string,
  { size, days, retention, since }: Counted,
): Resource {
  const rollover = {
    ...(size > 0 && { min_size: `${size}gb` }),
    ...(days > 0 && { min_index_age: `${days}d` }),
  }
  const age = since === 'rollover' ? 'min_rollover_age' : 'min_index_age'
  const expire = { state_name: 'delete', conditions: { [age]: `${retention}d` } }
  const definition = {
    default_state: 'hot',
    states: [
      { name: 'hot', actions: size > 0 || days > 0 ? [{ rollover }] : [], transitions: retention > 0 ? [expire] : [] },
      ...(retention > 0 ? [{ name: 'delete', actions: [{ delete: {} }], transitions: [] }] : []),
    ],
    ism_template: [{ index_patterns: patterns, priority: 100 }],
  }
  const mark = markOf({ policy: JSON.stringify(sorted(definition)) })
  const description = `Records of API requests, ${markText(mark)}`
  return {
    what: `the ISM policy ${name}`,
    path: `/_plugins/_ism/policies/${encodeURIComponent(name)}`,
    mark,
    body: { policy: { description, ...definition } },
    read: ({ body }) => {
      const { policy } = body as { policy: Json }
      const { default_state, states, ism_template } = policy
      return {
        mark: readMarkText(policy['description']),
        content: { policy: JSON.stringify(sorted({ default_state, states, ism_template }, isDefaultOfIsm)) },
      }
    },
    replacing: ({ body }) => {
      const { _seq_no: number, _primary_term: term } = body as Json
      return `?if_seq_no=${String(number)}&if_primary_term=${String(term)}`
    },
    privilege: 'the permissions cluster:admin/opendistro/ism/policy/get and …/write',
    afterUpdate: `indices made before keep to its earlier form, until POST /_plugins/_ism/change_policy/${indices} {"policy_id":"${name}"}`,
  }
}

/** What OpenSearch adds to each action and to the template. */
const isDefaultOfIsm = (name: string, value: unknown): boolean =>
  value === null ||
  value === false ||
  name === 'last_updated_time' ||
  (name === 'retry' && JSON.stringify(value) === '{"count":3,"backoff":"exponential","delay":"1m"}')

function sorted(value: unknown, isLeftOut: (name: string, value: unknown) => boolean = () => false): unknown {
  if (Array.isArray(value)) return value.map((one) => sorted(one, isLeftOut))
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value)
    .filter(([name, member]) => !isLeftOut(name, member))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member, isLeftOut)]))
}
