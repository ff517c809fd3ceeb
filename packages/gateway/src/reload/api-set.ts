import {
  compileApi,
  normaliseListenPath,
  securityPolicyOf,
  WithdrawnApiError,
  type CompileDeps,
} from '../api-definition/compile.ts'
import type { CompiledApi } from '../api-definition/compiled-api.ts'
import type { LoadedDefinition, LoadedDefinitions } from '../api-definition/load.ts'
import type { Log } from '../log/log.ts'
import { buildRouter, type Router } from '../router/router.ts'
import { placeApis, type PortProtocol } from './ports.ts'

/** Every API that is served, as one snapshot: requests in flight end on the one they began with. */
export interface ApiSet {
  readonly apis: readonly CompiledApi[]
  readonly byId: ReadonlyMap<string, CompiledApi>
  /** For the main port. */
  readonly router: Router
  /** Certificates that APIs on the main port name. */
  readonly certificates: readonly string[]
  readonly ports: ReadonlyMap<number, PortRoutes>
}

/** What one port beside the main one serves. */
export interface PortRoutes {
  readonly protocol: PortProtocol
  readonly router: Router
  readonly certificates: readonly string[]
}

export function emptyApiSet(): ApiSet {
  const router = buildRouter([], { enableCustomDomains: false, strictRoutes: false, hostname: '' })
  return { apis: [], byId: new Map(), router, certificates: [], ports: new Map() }
}

function buildSet(apis: readonly CompiledApi[], { config, log }: CompileDeps): ApiSet {
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
    ports: new Map(
      [...ports].map(([port, placed]) => [
        port,
        {
          protocol: placed.protocol,
          router: buildRouter(placed.apis, options),
          certificates: certificatesOf(placed.apis),
        },
      ]),
    ),
  }
}

const certificatesOf = (apis: readonly CompiledApi[]): string[] =>
  apis.flatMap(({ definition }) => (definition.domain_disabled ? [] : definition.certificates))

/** Compiling many APIs must not hold up requests: the event loop gets a turn after this many. */
const APIS_PER_TURN = 20

/**
 * Builds the set that the loaded definitions describe.
 *
 * An API whose definition did not change is taken over from the previous set with its chain and connections. One that
 * cannot be served is skipped with an error; if it was served before, its last good form stays.
 */
export async function buildApiSet(loaded: LoadedDefinitions, previous: ApiSet, deps: CompileDeps): Promise<ApiSet> {
  const { log } = deps
  log.info({ prefix: 'main' }, 'Loading API configurations.')
  const broken = new Set(loaded.failed)
  const wanted = withListenPaths(withoutDuplicateIds(loaded.definitions, log), previous, deps, broken)
  const apis: CompiledApi[] = []
  for (const [i, { definition, listenPath }] of wanted.entries()) {
    if (i > 0 && i % APIS_PER_TURN === 0) await nextTurn()
    const api = serveOne(definition, listenPath, previous, deps, broken)
    if (api !== null) apis.push(api)
  }
  for (const api of previous.apis) {
    if (!broken.has(api.file) || apis.some((other) => other.apiId === api.apiId)) continue
    log.error({ api_id: api.apiId, file: api.file }, 'API definition is broken, its last good version stays in service')
    apis.push(api)
  }
  return buildSet(apis, deps)
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

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
      wanted.push({ definition, listenPath: normaliseListenPath(definition.definition, deps) })
    } catch (err) {
      skip(definition, err as Error, broken, log)
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
    taken.add(collisionKey(definition, renamed))
    log.error({ api_id: definition.definition.api_id }, `Listen path collision, changed to ${renamed}`)
    return { definition, listenPath: renamed }
  })
}

/** The domain counts even where custom domains are off. */
const collisionKey = ({ definition }: LoadedDefinition, listenPath: string): string =>
  `${definition.domain} ${listenPath}`

function skip(loaded: LoadedDefinition, err: Error, broken: Set<string>, log: Log): void {
  // A definition that now asks for a protection must not go on in the form that had none.
  if (!(err instanceof WithdrawnApiError)) broken.add(loaded.file)
  const { api_id, name, org_id } = loaded.definition
  log.error({ api_id, api_name: name, org_id, file: loaded.file, reason: err.message }, 'API skipped')
  log.warn({ api_id, api_name: name, org_id }, 'Spec not valid, skipped!')
}

function serveOne(
  loaded: LoadedDefinition,
  listenPath: string,
  previous: ApiSet,
  deps: CompileDeps,
  broken: Set<string>,
): CompiledApi | null {
  const { log, config } = deps
  const { definition } = loaded
  const domain = config.enable_custom_domains && !definition.domain_disabled ? definition.domain : ''
  log.info({ prefix: 'main', api_name: definition.name, domain: domain || '(no host)' }, 'Tracking hostname')
  const fields = { api_id: definition.api_id, api_name: definition.name, org_id: definition.org_id, type: 'request' }
  log.info(fields, `Checking security policy: ${securityPolicyOf(definition)}`)
  const before = previous.byId.get(definition.api_id)
  const unchanged = before?.checksum === loaded.checksum && before.listenPath === listenPath
  try {
    const api = unchanged ? before : compileApi(loaded, listenPath, deps)
    log.info({ ...fields, prefix: 'gateway', user_ip: '--', server_name: '--', user_id: '--' }, 'API Loaded')
    return api
  } catch (err) {
    skip(loaded, err as Error, broken, log)
    return null
  }
}
