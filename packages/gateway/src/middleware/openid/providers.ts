import type { KeyObject } from 'node:crypto'
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import { createJwksCache, registerJwksCache, type JwksCache } from '../../auth/jwks.ts'
import { decodeBase64 } from '../../auth/key-format.ts'
import { fetchDocument, isAsSafe, parseKeySet } from '../../auth/tokens/fetch-jwks.ts'
import { claim, type Claims } from '../../auth/tokens/token.ts'
import type { ChainDeps } from '../../chain/types.ts'
import type { Connections } from '../../external-services/index.ts'
import { isObject } from '../../session/go-json.ts'

/** The issuers whose tokens are accepted, and their keys. */
export interface Providers {
  /** The client that a token is meant for, and its policy; null when its issuer or none of its audiences is known. */
  clientOf(claims: Claims): TokenClient | null
  /** Keys by issuer. */
  readonly keys: JwksCache
}

export interface TokenClient {
  readonly issuer: string
  readonly clientId: string
  /** May be empty. */
  readonly policyId: string
}

type Clients = ReadonlyMap<string, string>

export function createProviders(api: CompiledApi, deps: ChainDeps): Providers {
  const clientsOf = compileClients(api, deps)
  const keys = createKeys(api, deps)
  return {
    keys,
    clientOf(claims) {
      const issuer = claim(claims, 'iss')
      const clients = typeof issuer === 'string' ? clientsOf.get(issuer) : undefined
      if (clients === undefined) return null
      const audience = claim(claims, 'aud')
      const clientId = (Array.isArray(audience) ? (audience as unknown[]) : [audience]).find(
        (id): id is string => typeof id === 'string' && clients.has(id),
      )
      if (clientId === undefined) return null
      return { issuer: issuer as string, clientId, policyId: clients.get(clientId) as string }
    },
  }
}

/** Ids of clients stand in base64, because a definition may be stored where names of members are restricted. */
function compileClients({ definition, apiId }: CompiledApi, { log }: ChainDeps): ReadonlyMap<string, Clients> {
  const issuers = new Map<string, Clients>()
  for (const { issuer, client_ids: ids } of definition.openid_options.providers) {
    const clients = new Map<string, string>(issuers.get(issuer))
    for (const [encoded, policyId] of Object.entries(ids)) {
      const id = decodeBase64(encoded)?.toString('utf8') ?? ''
      if (id === '')
        log.error({ api_id: apiId, issuer, client_id: encoded }, 'OpenID client id is not base64, left out')
      else clients.set(id, policyId)
    }
    issuers.set(issuer, clients)
  }
  return issuers
}

function createKeys(api: CompiledApi, deps: ChainDeps): JwksCache {
  const { config, log, now, externalServices } = deps
  const keys = createJwksCache({
    fetch: (issuer, signal) => fetchKeys(issuer, signal, externalServices.keySets),
    parse: parseKeys,
    ttlMsOf: () => config.jwks.cache.timeout * 1000,
    log,
    now,
  })
  registerJwksCache(deps.sessions, api.apiId, 'oidc', keys)
  return keys
}

/** Keys for signatures of both families that issuers use. */
const parseKeys = (document: string): Map<string, KeyObject> =>
  new Map([...parseKeySet(document, 'ecdsa'), ...parseKeySet(document, 'rsa')])

const DISCOVERY_PATH = '/.well-known/openid-configuration'
const withoutSlash = (url: string): string => url.replace(/\/$/, '')

/** Asks the issuer where its keys are, and reads them. */
async function fetchKeys(issuer: string, signal: AbortSignal, connections: Connections): Promise<string> {
  const document: unknown = JSON.parse(await fetchDocument(withoutSlash(issuer) + DISCOVERY_PATH, signal, connections))
  const { issuer: named, jwks_uri: keys } = isObject(document) ? document : {}
  // OpenID Connect Discovery, section 4.3: else one issuer could speak for another.
  if (typeof named !== 'string' || withoutSlash(named) !== withoutSlash(issuer)) {
    throw new Error('the discovery document names another issuer')
  }
  if (typeof keys !== 'string' || !/^https?:\/\//i.test(keys)) throw new Error('the discovery document names no keys')
  if (!isAsSafe(new URL(keys), new URL(issuer))) {
    throw new Error('the discovery document of an https issuer names keys at an http URL')
  }
  return fetchDocument(keys, signal, connections)
}
