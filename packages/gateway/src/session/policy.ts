import { formatAccessRights, readAccessRights, type AccessRights } from './access-rights.ts'
import { readObject, sorted, withoutZeros } from './go-json.ts'
import { emptyLimit, formatLimit, readLimit, type Limit } from './limit.ts'

/** Which parts of a session a policy sets; none chosen: all of them. */
export interface PolicyPartitions {
  readonly quota: boolean
  readonly rate_limit: boolean
  readonly acl: boolean
  readonly complexity: boolean
  /** Limits per API instead of per key; excludes the others. */
  readonly per_api: boolean
}

/** Rights and limits that many keys share. Member names are those of the JSON form. */
export interface Policy extends Readonly<Limit> {
  readonly id: string
  readonly name: string
  readonly org_id: string
  readonly access_rights: AccessRights
  readonly hmac_enabled: boolean
  readonly enable_http_signature_validation: boolean
  /** Kept, not evaluated: `is_inactive` is what counts. */
  readonly active: boolean
  readonly is_inactive: boolean
  readonly tags: readonly string[]
  readonly meta_data: Readonly<Record<string, unknown>> | null
  /** Seconds until a new key made from this policy expires. */
  readonly key_expires_in: number
  readonly post_expiry_action: string
  readonly post_expiry_grace_period: number
  readonly partitions: PolicyPartitions
  readonly last_updated: string
  readonly extra: Readonly<Record<string, unknown>>
}

/** The limits a policy grants, as a limit of their own: nothing of its quota is used yet. */
export const limitOfPolicy = (policy: Policy): Limit => ({
  ...emptyLimit(),
  rate: policy.rate,
  per: policy.per,
  smoothing: policy.smoothing,
  throttle_interval: policy.throttle_interval,
  throttle_retry_limit: policy.throttle_retry_limit,
  max_query_depth: policy.max_query_depth,
  quota_max: policy.quota_max,
  quota_renewal_rate: policy.quota_renewal_rate,
})

/**
 * @param mapKey - the id under which a map of policies lists it, which wins over the one inside.
 * @throws GoJsonError when a member has the wrong type.
 */
export function readPolicy(json: unknown, mapKey: string | null = null): Policy {
  const from = readObject(json)
  const inside = from.string('id')
  const internalId = from.string('_id')
  return {
    ...readLimit(from),
    id: mapKey ?? (inside === '' ? internalId : inside),
    name: from.string('name'),
    org_id: from.string('org_id'),
    access_rights: readAccessRights(from.take('access_rights')),
    hmac_enabled: from.boolean('hmac_enabled'),
    enable_http_signature_validation: from.boolean('enable_http_signature_validation'),
    active: from.boolean('active'),
    is_inactive: from.boolean('is_inactive'),
    tags: from.strings('tags'),
    meta_data: from.map('meta_data'),
    key_expires_in: from.integer('key_expires_in'),
    post_expiry_action: from.string('post_expiry_action'),
    post_expiry_grace_period: from.integer('post_expiry_grace_period'),
    partitions: readPartitions(from.map('partitions')),
    last_updated: from.string('last_updated'),
    extra: from.rest(),
  }
}

function readPartitions(json: Record<string, unknown> | null): PolicyPartitions {
  const from = readObject(json ?? {}, 'partitions.')
  return {
    quota: from.boolean('quota'),
    rate_limit: from.boolean('rate_limit'),
    acl: from.boolean('acl'),
    complexity: from.boolean('complexity'),
    per_api: from.boolean('per_api'),
  }
}

/** The members of a policy as the control API shows them. */
export function policyMembers(policy: Policy): Record<string, unknown> {
  const limit = formatLimit({ ...policy })
  return {
    id: policy.id,
    name: policy.name,
    org_id: policy.org_id,
    rate: policy.rate,
    per: policy.per,
    quota_max: policy.quota_max,
    quota_renewal_rate: policy.quota_renewal_rate,
    throttle_interval: policy.throttle_interval,
    throttle_retry_limit: policy.throttle_retry_limit,
    max_query_depth: policy.max_query_depth,
    ...withoutZeros({ smoothing: limit['smoothing'] }),
    access_rights: formatAccessRights(policy.access_rights),
    hmac_enabled: policy.hmac_enabled,
    enable_http_signature_validation: policy.enable_http_signature_validation,
    active: policy.active,
    is_inactive: policy.is_inactive,
    tags: policy.tags,
    key_expires_in: policy.key_expires_in,
    ...withoutZeros({
      post_expiry_action: policy.post_expiry_action,
      post_expiry_grace_period: policy.post_expiry_grace_period,
    }),
    partitions: policy.partitions,
    last_updated: policy.last_updated,
    meta_data: policy.meta_data === null ? {} : sorted(policy.meta_data),
    ...(sorted(policy.extra) as Record<string, unknown>),
  }
}

/** A policy that chooses partitions sets only those. */
export const usesPartitions = ({ partitions: p }: Policy): boolean => p.quota || p.rate_limit || p.acl || p.complexity
