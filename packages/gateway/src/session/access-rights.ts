import { GoJsonError, isObject, readList, readObject, sorted, withoutZeros } from './go-json.ts'
import { formatLimit, isEmptyLimit, readLimit, type Limit } from './limit.ts'

export interface AllowedUrl {
  readonly url: string
  readonly methods: readonly string[]
}

/** Limits of single endpoints of an API. */
export interface EndpointLimit {
  readonly path: string
  readonly methods: readonly EndpointMethodLimit[]
}

export interface EndpointMethodLimit {
  readonly name: string
  readonly rate: number
  readonly per: number
}

/** What a session or policy allows on one API. */
export interface AccessRight {
  api_name: string
  api_id: string
  versions: string[]
  allowed_urls: AllowedUrl[]
  /** Replaces the session's own limits for this API; null when every member is zero. */
  limit: Limit | null
  /** Set by the gateway: whose counter is used, as part of the counter's name. */
  allowance_scope: string
  endpoints: EndpointLimit[]
  /** Members of other features, passed on. */
  readonly extra: Record<string, unknown>
}

/** By API id. */
export type AccessRights = Record<string, AccessRight>

export function readAccessRights(json: unknown, path = 'access_rights'): AccessRights {
  const rights = emptyAccessRights()
  if (json === undefined || json === null) return rights
  if (!isObject(json)) throw new GoJsonError(`${path}: expected an object`)
  for (const [apiId, right] of Object.entries(json)) rights[apiId] = readAccessRight(right ?? {}, `${path}.${apiId}.`)
  return rights
}

/** Without a prototype: API ids are free text. */
export const emptyAccessRights = (): AccessRights => Object.create(null) as AccessRights

function readAccessRight(json: unknown, path: string): AccessRight {
  const from = readObject(json, path)
  const limit = readLimit(readObject(from.map('limit') ?? {}, `${path}limit.`))
  return {
    api_name: from.string('api_name'),
    api_id: from.string('api_id'),
    versions: from.strings('versions'),
    allowed_urls: readList(from.take('allowed_urls'), `${path}allowed_urls`, readAllowedUrl),
    limit: isEmptyLimit(limit) ? null : limit,
    allowance_scope: from.string('allowance_scope'),
    endpoints: readList(from.take('endpoints'), `${path}endpoints`, readEndpoint),
    extra: from.rest(),
  }
}

function readAllowedUrl(json: unknown, path: string): AllowedUrl {
  const from = readObject(json, path)
  return { url: from.string('url'), methods: from.strings('methods') }
}

function readEndpoint(json: unknown, path: string): EndpointLimit {
  const from = readObject(json, path)
  const methods = readList(from.take('methods'), `${path}methods`, (item, at) => {
    const method = readObject(item, at)
    const limit = readObject(method.map('limit') ?? {}, `${at}limit.`)
    return { name: method.string('name'), rate: limit.number('rate'), per: limit.number('per') }
  })
  return { path: from.string('path'), methods }
}

export function formatAccessRights(rights: AccessRights): Record<string, unknown> {
  const apiIds = Object.keys(rights).sort()
  return Object.fromEntries(apiIds.map((apiId) => [apiId, formatAccessRight(rights[apiId] as AccessRight)]))
}

function formatAccessRight(right: AccessRight): Record<string, unknown> {
  return withoutZeros({
    api_name: right.api_name,
    api_id: right.api_id,
    versions: right.versions,
    allowed_urls: right.allowed_urls,
    limit: right.limit === null ? null : formatLimit(right.limit),
    allowance_scope: right.allowance_scope,
    endpoints: right.endpoints.map(formatEndpoint),
    ...(sorted(right.extra) as Record<string, unknown>),
  })
}

const formatEndpoint = ({ path, methods }: EndpointLimit): Record<string, unknown> => ({
  path,
  methods: methods.map(({ name, rate, per }) => ({ name, limit: withoutZeros({ rate, per }) })),
})

/** A copy that may be changed without touching the original. */
export function copyAccessRight(right: AccessRight): AccessRight {
  return {
    ...right,
    versions: [...right.versions],
    allowed_urls: [...right.allowed_urls],
    limit: right.limit === null ? null : { ...right.limit },
    endpoints: [...right.endpoints],
  }
}
