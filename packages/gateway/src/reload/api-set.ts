import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  compileApi,
  normaliseListenPath,
  securityPoliciesOf,
  WithdrawnApiError,
  type CompileDeps,
} from '../api-definition/compile.ts'
import { asksForMore, unguardedReason } from '../api-definition/guards.ts'
import type { CompiledApi } from '../api-definition/compiled-api.ts'
import type { LoadedDefinition, LoadedDefinitions } from '../api-definition/load.ts'
import { asksForClientCertificate } from '../auth/supported.ts'
import type { Log } from '../log/log.ts'
import { filesOfUpstreamTls } from '../proxy/upstream-tls.ts'
import { buildRouter, domainOf, type Router } from '../router/router.ts'
import { placeApis, type PortProtocol } from './ports.ts'

/** Every API that is served, as one snapshot: requests in flight end on the one they began with. */
export interface ApiSet {
  readonly apis: readonly CompiledApi[]
  readonly byId: ReadonlyMap<string, CompiledApi>
  /** For the main port. */
  readonly router: Router
  /** Certificates that APIs on the main port name. */
  readonly certificates: readonly string[]
  /** An API on the main port looks at the certificates of clients. */
  readonly asksClients: boolean
  readonly ports: ReadonlyMap<number, PortRoutes>
}

/** What one port beside the main one serves. */
export interface PortRoutes {
  readonly protocol: PortProtocol
  readonly router: Router
  readonly certificates: readonly string[]
  readonly asksClients: boolean
}

export function emptyApiSet(): ApiSet {
  const router = buildRouter([], { enableCustomDomains: false, strictRoutes: false, hostname: '' })
  return { apis: [], byId: new Map(), router, certificates: [], asksClients: false, ports: new Map() }
}

/** Puts compiled APIs together. */
export function buildSet(apis: readonly CompiledApi[], { config, log }: CompileDeps): ApiSet {
  const options = {
    enableCustomDomains: config.enable_custom_domains,
    strictRoutes: config.http_server_options.enable_strict_routes,
    hostname: config.hostname,
  }
  const { main, ports } = placeApis(apis, config, log)
  return {
    apis,
    byId: new Map(apis.map((api) => [api.apiId, api])),
    router: buildRouter(main, options),
    certificates: certificatesOf(main),
    asksClients: looksAtClients(main),
    ports: new Map(
      [...ports].map(([port, placed]) => [
        port,
        {
          protocol: placed.protocol,
          router: buildRouter(placed.apis, options),
          certificates: certificatesOf(placed.apis),
          asksClients: looksAtClients(placed.apis),
        },
      ]),
    ),
  }
}

const certificatesOf = (apis: readonly CompiledApi[]): string[] =>
  apis.flatMap(({ definition }) => (definition.domain_disabled ? [] : definition.certificates))

const looksAtClients = (apis: readonly CompiledApi[]): boolean =>
  apis.some(({ definition }) => asksForClientCertificate(definition))

/** Compiling many APIs must not hold up requests: the event loop gets a turn after this many. */
export const APIS_PER_TURN = 20

/**
 * Builds the set that the loaded definitions describe.
 *
 * An API whose definition did not change is taken over from the previous set with its chain and connections. One that
 * cannot be served is skipped with an error; if it was served before, its last good form stays, unless the definition
 * now asks for a protection that this form does not have.
 */
export async function buildApiSet(loaded: LoadedDefinitions, previous: ApiSet, deps: CompileDeps): Promise<ApiSet> {
  const { log } = deps
  log.info({ prefix: 'main' }, 'Loading API configurations.')
  const broken = new Set<string>()
  const definitions = withoutDuplicateIds(loaded.definitions, log)
    .filter((each) => isUsable(each, previous, broken, log))
    .map((each) => withFiles(each, deps))
  const wanted = withListenPaths(definitions, previous, deps, broken)
  return wholeOrClosed(previous, async (apis) => {
    for (const [i, { definition, listenPath }] of wanted.entries()) {
      if (i > 0 && i % APIS_PER_TURN === 0) await nextTurn()
      const api = serveOne(definition, listenPath, previous, deps, broken)
      if (api !== null) apis.push(api)
    }
    for (const api of previous.apis) {
      const isBroken = broken.has(api.apiId) || loaded.failed.has(api.file)
      if (!isBroken || apis.some((other) => other.apiId === api.apiId)) continue
      const fields = { api_id: api.apiId, file: api.file }
      log.error(fields, 'API definition is broken, its last good version stays in service')
      apis.push(api)
    }
    return buildSet(apis, deps)
  })
}

/**
 * Collects APIs and puts them together. When that fails, nobody will ever close the transports of those that are new:
 * they are closed here, and those of the previous set stay in service.
 */
export async function wholeOrClosed(
  previous: ApiSet,
  build: (apis: CompiledApi[]) => Promise<ApiSet>,
): Promise<ApiSet> {
  const apis: CompiledApi[] = []
  try {
    return await build(apis)
  } catch (err) {
    const kept = new Set(previous.apis)
    await Promise.allSettled(apis.filter((api) => !kept.has(api)).map((api) => api.transport.close()))
    throw err
  }
}

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** The first file that claims an id keeps it. */
function withoutDuplicateIds(definitions: readonly LoadedDefinition[], log: Log): LoadedDefinition[] {
  const files = new Map<string, string>()
  return definitions.filter(({ definition, file }) => {
    const first = files.get(definition.api_id)
    if (first === undefined) {
      files.set(definition.api_id, file)
      return true
    }
    log.error({ api_id: definition.api_id, file, first }, 'Duplicate api_id, the API of the later file is skipped')
    return false
  })
}

/**
 * What lacks secrets must not take the place of what has them, unless it protects more. An API that was not there before
 * does without.
 *
 * @param broken - ids of APIs whose last good form may stay.
 */
function isUsable(
  { definition, lacksSecrets }: LoadedDefinition,
  previous: ApiSet,
  broken: Set<string>,
  log: Log,
): boolean {
  const before = previous.byId.get(definition.api_id)
  if (lacksSecrets !== true || before === undefined || before.lacksSecrets) return true
  if (unguardedReason(definition) !== null) return true
  if (asksForMore(definition, before.definition)) {
    log.warn(
      { api_id: definition.api_id },
      'API definition lacks secrets and asks for more protection: its last good version does not stay in service',
    )
    return true
  }
  broken.add(definition.api_id)
  return false
}

/** The files that a definition names are a part of it. */
function withFiles(loaded: LoadedDefinition, { config }: CompileDeps): LoadedDefinition {
  const files = filesOfUpstreamTls(loaded.definition, config)
  if (files.length === 0) return loaded
  const hash = createHash('sha256').update(loaded.checksum)
  for (const file of files) hash.update(contentOf(file))
  return { ...loaded, checksum: hash.digest('base64url') }
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // No file, but the id of a key, or missing: whoever uses it says so.
    return ''
  }
}

interface Wanted {
  readonly definition: LoadedDefinition
  readonly listenPath: string
}

/**
 * Gives every API its listen path. Of several with one path and domain, the one that had it before keeps it; the others
 * (on a cold start: all) get their id appended.
 */
function withListenPaths(
  definitions: readonly LoadedDefinition[],
  previous: ApiSet,
  deps: CompileDeps,
  broken: Set<string>,
): Wanted[] {
  const { log } = deps
  const wanted: Wanted[] = []
  for (const definition of definitions) {
    try {
      wanted.push({ definition, listenPath: normaliseListenPath(definition.definition) })
    } catch (err) {
      skip(definition, err as Error, previous, broken, log)
    }
  }
  const counts = new Map<string, number>()
  const keys = wanted.map(({ definition, listenPath }) => collisionKey(definition, listenPath))
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  const taken = new Set(keys)
  return wanted.map((each, i) => {
    const { definition, listenPath } = each
    const before = previous.byId.get(definition.definition.api_id)
    if (counts.get(keys[i] as string) === 1 || before?.listenPath === listenPath) return each
    let renamed = `${listenPath}-${definition.definition.api_id}`
    while (taken.has(collisionKey(definition, renamed))) renamed += '_'
    const shown = (path: string): string => withoutValues(path, definition.substituted ?? [])
    taken.add(collisionKey(definition, renamed))
    log.error({ api_id: definition.definition.api_id }, `Listen path collision, changed to ${shown(renamed)}`)
    return { definition, listenPath: renamed }
  })
}

/** The domain counts even where custom domains are off. */
const collisionKey = ({ definition }: LoadedDefinition, listenPath: string): string =>
  `${definition.domain} ${listenPath}`

function skip(loaded: LoadedDefinition, err: Error, previous: ApiSet, broken: Set<string>, log: Log): void {
  const { api_id, name, org_id } = loaded.definition
  const before = previous.byId.get(api_id)
  // A definition that now asks for a protection must not go on in the form that had none.
  const isWithdrawn =
    err instanceof WithdrawnApiError || (before !== undefined && asksForMore(loaded.definition, before.definition))
  if (!isWithdrawn) broken.add(api_id)
  const reason = withoutValues(err.message, loaded.substituted ?? [])
  log.error({ api_id, api_name: name, org_id, file: loaded.file, reason }, 'API skipped')
  log.warn({ api_id, api_name: name, org_id }, 'Spec not valid, skipped!')
}

/** A text without what references stand for. */
const withoutValues = (text: string, values: readonly string[]): string =>
  values.reduce((shown, value) => shown.replaceAll(value, '…'), text)

function serveOne(
  loaded: LoadedDefinition,
  listenPath: string,
  previous: ApiSet,
  deps: CompileDeps,
  broken: Set<string>,
): CompiledApi | null {
  const { log, config } = deps
  const { definition } = loaded
  const domain = domainOf(definition, config.enable_custom_domains)
  log.info({ prefix: 'main', api_name: definition.name, domain: domain || '(no host)' }, 'Tracking hostname')
  const fields = { api_id: definition.api_id, api_name: definition.name, org_id: definition.org_id, type: 'request' }
  for (const policy of securityPoliciesOf(definition)) log.info(fields, `Checking security policy: ${policy}`)
  const before = previous.byId.get(definition.api_id)
  const unchanged = before?.checksum === loaded.checksum && before.listenPath === listenPath
  try {
    const api = unchanged ? before : compileApi(loaded, listenPath, deps)
    log.info({ ...fields, prefix: 'gateway', user_ip: '--', server_name: '--', user_id: '--' }, 'API Loaded')
    return api
  } catch (err) {
    skip(loaded, err as Error, previous, broken, log)
    return null
  }
}
