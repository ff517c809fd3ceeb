import type { ChainDeps } from '../../chain/types.ts'
import { isObject } from '../../session/go-json.ts'

/** What a registered client adds to the sessions of its tokens. */
export interface OauthClient {
  readonly metadata: Readonly<Record<string, unknown>>
  readonly tags: readonly string[]
}

/** Reads a client's registration; null when there is none or Redis cannot be asked. */
export async function readOauthClient(
  redis: ChainDeps['redis'],
  apiId: string,
  clientId: string,
): Promise<OauthClient | null> {
  if (clientId === '' || !redis.isUp) return null
  try {
    const text = await redis.main.get(`oauth-data.${apiId}.oauth-clientid.${clientId}`)
    return text === null ? null : parseOauthClient(text)
  } catch {
    return null
  }
}

/** Of a client's free metadata, the members that mean something; null when it has none of them. */
export function parseOauthClient(text: string): OauthClient | null {
  const json: unknown = JSON.parse(text)
  const given = isObject(json) && isObject(json['meta_data']) ? json['meta_data'] : {}
  const metadata: Record<string, unknown> = {}
  for (const name of ['tyk_developer_id', 'rate_limit_pattern']) {
    if (typeof given[name] === 'string') metadata[name] = given[name]
  }
  if (Array.isArray(given['policies'])) metadata['policies'] = given['policies']
  const tags = Array.isArray(given['tags']) ? given['tags'].filter((tag) => typeof tag === 'string') : []
  return Object.keys(metadata).length === 0 && tags.length === 0 ? null : { metadata, tags }
}
