import type { KeyObject } from 'node:crypto'
import { createJwksCache, registerJwksCache, type JwksCache, type JwksUser } from '../jwks.ts'
import { decodeBase64 } from '../key-format.ts'
import type { ChainDeps } from '../../chain/types.ts'
import { UnusableAuthError } from '../unusable-auth-error.ts'
import { isNoSecret, keyFromBytes, type SigningMethod } from './algorithms.ts'
import { fetchDocument, parseKeySet } from './fetch-jwks.ts'
import type { ParsedToken } from './token.ts'

/** A key and what it came from. A verified token stays verified as long as `material` is the current one. */
export interface FoundKey {
  readonly key: KeyObject
  readonly material: unknown
}

/** Where a definition's keys come from. */
export interface KeySource {
  /** The key for a token; null when there is none. A promise only when it must be fetched. */
  find(token: ParsedToken): FoundKey | null | Promise<FoundKey | null>
  /** Whether something verified with this material still is, as far as can be told without waiting. */
  isCurrent(material: unknown): boolean
}

const IS_URL = /^https?:\/\//i

/** What a definition says about the keys of one way of authentication. */
export interface KeySettings {
  readonly apiId: string
  readonly user: JwksUser
  /** The key that holds `source`, for log lines. */
  readonly name: string
  /** A URL, base64 of one, or base64 of a key. Empty: `uris` count. */
  readonly source: string
  readonly uris: readonly { readonly url: string; readonly cache_timeout: number }[]
}

/**
 * The keys of a centrally configured API; null when each token has a key of its own.
 *
 * @throws UnusableAuthError when a public key would be taken for a secret.
 */
export function createKeySource(settings: KeySettings, method: SigningMethod, deps: ChainDeps): KeySource | null {
  const { source, uris } = settings
  if (source === '' && uris.length === 0) return null
  if (source === '')
    return jwksSource(
      createCache(settings, method, deps),
      uris.map(({ url }) => url),
    )
  if (IS_URL.test(source)) return jwksSource(createCache(settings, method, deps), [source])
  const bytes = decodeBase64(source)
  if (bytes !== null && IS_URL.test(bytes.toString('latin1'))) {
    return jwksSource(createCache(settings, method, deps), [bytes.toString('utf8').trim()])
  }
  if (method === 'hmac' && bytes !== null && isNoSecret(bytes)) {
    throw new UnusableAuthError(
      `${settings.name} holds a public key or certificate, which is no secret for hmac: the signing method must be rsa or ecdsa`,
    )
  }
  const key = bytes === null ? null : keyFromBytes(method, bytes)
  if (key === null) {
    const reason = bytes === null ? 'not base64' : `not usable as a key for ${method}`
    deps.log.error(
      { api_id: settings.apiId, key: settings.name, reason },
      'JWT key cannot be used, every token will be refused',
    )
  }
  const found: FoundKey | null = key === null ? null : { key, material: key }
  return { find: () => found, isCurrent: (material) => material === key }
}

function createCache({ apiId, user, uris }: KeySettings, method: SigningMethod, deps: ChainDeps): JwksCache {
  const { config, log, now, externalServices } = deps
  const cache = createJwksCache({
    fetch: (url, signal) => fetchDocument(url, signal, externalServices.keySets),
    parse: (document) => parseKeySet(document, method),
    ttlMsOf: (url) => {
      const own = uris.find((uri) => uri.url === url)?.cache_timeout ?? 0
      return own > 0 ? own : config.jwks.cache.timeout * 1000
    },
    log,
    now,
  })
  registerJwksCache(deps.sessions, apiId, user, cache)
  // Fetched ahead of the first request; a failure is logged and tried again with it.
  for (const { url } of uris) void cache.get(url)
  return cache
}

/** The key is the first of the sets' that has the token's `kid`. */
function jwksSource(cache: JwksCache, urls: readonly string[]): KeySource {
  const inCurrent = (kid: string): FoundKey | null => {
    for (const url of urls) {
      const set = cache.current(url)
      const key = set?.keys.get(kid)
      if (key !== undefined) return { key, material: set }
    }
    return null
  }
  const fetched = async (kid: string): Promise<FoundKey | null> => {
    for (const ask of [cache.get, cache.refresh]) {
      for (const url of urls) {
        const set = await ask(url)
        const key = set?.keys.get(kid)
        if (key !== undefined) return { key, material: set }
      }
    }
    return null
  }
  return {
    find({ header }) {
      const { kid } = header
      if (typeof kid !== 'string') return null
      return inCurrent(kid) ?? fetched(kid)
    },
    isCurrent: (material) => urls.some((url) => cache.current(url) === material),
  }
}
