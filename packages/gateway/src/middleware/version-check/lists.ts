// Hot path.
import { toByteString } from '../../byte-string.ts'
import type { CompiledApi } from '../../api-definition/compiled-api.ts'
import type { ApiVersion } from '../../api-definition/schema.ts'
import { canonicalHeaderName } from '../../chain/headers.ts'
import type { RequestContext } from '../../chain/context.ts'
import type { Answer, ChainDeps } from '../../chain/types.ts'
import { gatewayErrors } from '../../errors/catalogue.ts'
import { sniffContentType } from '../../proxy/sniff-content-type.ts'
import { compileEndpointPath, compileListForms, entriesOf, matchesAny } from '../../router/endpoint.ts'
import type { PathTest } from '../../router/path-pattern.ts'

/** What the lists of a version say about a request: let it pass, let it pass without authentication, or answer it. */
export type ListVerdict = 'pass' | 'ignore' | Answer

const FORBIDDEN: Answer = { kind: 'error', error: gatewayErrors.endpointForbidden }

interface Rule {
  readonly test: PathTest
  /** Empty: any. */
  readonly method: string
  readonly verdict: ListVerdict
}

/**
 * Compiles the lists of a version; null when they say nothing.
 *
 * Endpoints that are internal come first, then mocks, ignored, blocked and allowed paths, each list in its own order.
 * The first entry that fits decides; where there is an allow list, what no entry fits is forbidden.
 */
export function compileLists(
  version: ApiVersion,
  api: CompiledApi,
  deps: ChainDeps,
): ((ctx: RequestContext) => ListVerdict) | null {
  const compile = new RuleCompiler(version, api, deps)
  const rules = version.use_extended_paths ? compile.extended() : compile.legacy()
  const otherwise: ListVerdict = compile.hasAllowList ? FORBIDDEN : 'pass'
  if (rules.length === 0 && otherwise === 'pass') return null
  const formsOf = compileListForms(api)
  return (ctx) => {
    let forms: readonly string[] | null = null
    for (const rule of rules) {
      if (rule.method !== '' && rule.method !== ctx.method) continue
      forms ??= formsOf(ctx.path)
      if (matchesAny(rule.test, forms)) return rule.verdict
    }
    return otherwise
  }
}

type ListEntry = ApiVersion['extended_paths']['white_list'][number]

class RuleCompiler {
  readonly hasAllowList: boolean
  readonly #version: ApiVersion
  readonly #api: CompiledApi
  readonly #deps: ChainDeps

  constructor(version: ApiVersion, api: CompiledApi, deps: ChainDeps) {
    this.#version = version
    this.#api = api
    this.#deps = deps
    const allowed = version.use_extended_paths ? entriesOf(version, 'white_list') : version.paths.white_list
    this.hasAllowList = allowed.length > 0
  }

  extended(): Rule[] {
    const version = this.#version
    const mocks = entriesOf(version, 'mock_response')
    return [
      // A method is needed here: without one the entry fits no request.
      ...entriesOf(version, 'internal')
        .filter(({ method }) => method !== '')
        .flatMap(({ path, method }) => this.#rule(path, false, method, FORBIDDEN)),
      ...mocks
        .filter(({ method }) => method !== '')
        .flatMap(({ path, ignore_case: ignoreCase, method, code, body, headers }) =>
          this.#rule(path, ignoreCase, method, mockReply(code, body, headers)),
        ),
      ...entriesOf(version, 'ignored').flatMap((entry) => this.#entryRules(entry, 'ignore')),
      ...entriesOf(version, 'black_list').flatMap((entry) => this.#entryRules(entry, FORBIDDEN)),
      ...entriesOf(version, 'white_list').flatMap((entry) => this.#entryRules(entry, 'pass')),
    ]
  }

  legacy(): Rule[] {
    const { ignored, black_list: blocked, white_list: allowed } = this.#version.paths
    return [
      ...ignored.flatMap((path) => this.#rule(path, false, '', 'ignore')),
      ...blocked.flatMap((path) => this.#rule(path, false, '', FORBIDDEN)),
      ...allowed.flatMap((path) => this.#rule(path, false, '', 'pass')),
    ]
  }

  /** With actions by method, one rule for each of them, and the entry's own method does not count. */
  #entryRules(entry: ListEntry, verdict: ListVerdict): Rule[] {
    const { path, ignore_case: ignoreCase, method, method_actions: actions } = entry
    const methods = Object.entries(actions)
    if (methods.length === 0) return this.#rule(path, ignoreCase, method, verdict)
    return methods.flatMap(([name, action]) => this.#rule(path, ignoreCase, name, this.#actionVerdict(action, verdict)))
  }

  #actionVerdict(action: ListEntry['method_actions'][string], verdict: ListVerdict): ListVerdict {
    switch (action.action) {
      case 'no_action':
        return verdict
      case 'reply':
        return mockReply(action.code, action.data, action.headers)
      default:
        this.#deps.log.error({ action: action.action }, 'URL Method Action was not set to NoAction, blocking.')
        return FORBIDDEN
    }
  }

  #rule(path: string, ignoreCase: boolean, method: string, verdict: ListVerdict): Rule[] {
    const test = compileEndpointPath(path, ignoreCase || this.#version.ignore_endpoint_case, this.#api, this.#deps)
    return test === null ? [] : [{ test, method, verdict }]
  }
}

/** Headers, status and body as given and nothing else; Tyk drops the connection for a status of 0. */
function mockReply(code: number, data: string, given: Readonly<Record<string, string>>): Answer {
  const body = Buffer.from(data, 'utf8')
  const headers: string[] = []
  for (const [name, value] of Object.entries(given)) {
    const canonical = canonicalHeaderName(name)
    if (canonical !== 'Content-Length' && canonical !== 'Transfer-Encoding')
      headers.push(canonical, toByteString(value))
  }
  if (body.length > 0 && !headers.includes('Content-Type')) headers.push('Content-Type', sniffContentType(body))
  return { kind: 'reply', status: code === 0 ? 200 : code, headers, body }
}
