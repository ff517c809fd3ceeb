// Hot path.
import { RE2JS } from 're2js'
import type { CompiledApi } from '../api-definition/compiled-api.ts'
import type { ApiDefinition } from '../api-definition/schema.ts'
import { compileListenPath, effectiveLength, ListenPathError, templateToRegex, type ListenPath } from './listen-path.ts'
import { createPrefixTree, type PrefixTree } from './prefix-tree.ts'

export interface RouterOptions {
  readonly enableCustomDomains: boolean
  readonly strictRoutes: boolean
  /** Restricts every API without a domain of its own; empty: any host. */
  readonly hostname: string
}

export type RouteMatch =
  | { readonly kind: 'api'; readonly api: CompiledApi }
  /** No API, or strict routes refused the one whose prefix matched. */
  | { readonly kind: 'none' }

/** Finds the API for a host and a decoded path. First match in Tyk's order wins. */
export interface Router {
  match(host: string, path: string): RouteMatch
}

interface Route {
  readonly api: CompiledApi
  readonly prefix: ListenPath
  readonly host: HostMatcher | null
  /** Strict check applies: the listen path neither ends in `/` nor is a template. */
  readonly strict: boolean
}

export interface HostMatcher {
  /** The only host that matches, in lower case and without a port; null: more than one may. */
  readonly exact: string | null
  test(host: string): boolean
}

/** Routes whose listen paths begin with one text: by index, in Tyk's order. */
interface Place {
  /** Those for exactly one host. */
  readonly byHost: Map<string, number[]>
  readonly others: number[]
}

const NONE: RouteMatch = Object.freeze({ kind: 'none' })

/**
 * Builds the router of a set of APIs.
 *
 * @param apis - In load order; equal listen path lengths keep it.
 */
export function buildRouter(apis: readonly CompiledApi[], options: RouterOptions): Router {
  const routes: Route[] = []
  for (const api of sortApis(apis, options.enableCustomDomains)) {
    // Internal APIs are reached by other APIs only, never by a client.
    if (api.definition.internal) continue
    const host = hostMatcherOf(api, options)
    if (api.apiId !== '') {
      routes.push({ api, prefix: compileListenPath(`/${escapeBraces(api.apiId)}/`), host, strict: false })
    }
    const template = api.listenPath.includes('{') && api.listenPath.includes('}')
    const strict = options.strictRoutes && !api.listenPath.endsWith('/') && !template
    routes.push({ api, prefix: api.upstream.listenPath, host, strict })
  }
  const places = indexRoutes(routes)
  return {
    match: (host, path) => matchRoute(routes, candidates(places, host, path), host, path),
  }
}

function indexRoutes(routes: readonly Route[]): PrefixTree<Place> {
  const tree = createPrefixTree<Place>()
  for (const [index, { prefix, host }] of routes.entries()) {
    const place = tree.at(prefix.literal, () => ({ byHost: new Map(), others: [] }))
    if (host === null || host.exact === null) {
      place.others.push(index)
    } else {
      const known = place.byHost.get(host.exact)
      if (known === undefined) place.byHost.set(host.exact, [index])
      else known.push(index)
    }
  }
  return tree
}

/**
 * Indices of the routes that may match, ascending. Ten routes or ten thousand, a request looks at those that share its
 * beginning: 0.2 µs with 2 APIs and with 1,000 (Node 24, bench/router.bench.ts).
 */
function candidates(places: PrefixTree<Place>, host: string, path: string): readonly number[] {
  const found: number[] = []
  places.visit(path, ({ byHost, others }) => {
    for (const index of others) found.push(index)
    if (byHost.size === 0) return
    for (const index of byHost.get(stripPort(host).toLowerCase()) ?? []) found.push(index)
  })
  return found.length > 1 ? inOrder(found) : found
}

/** Up to here each is put into its place, because `sort` makes a list of its own (Node 24, bench/router.bench.ts). */
const FEW = 8

function inOrder(indices: number[]): number[] {
  if (indices.length > FEW) return indices.sort((a, b) => a - b)
  for (let i = 1; i < indices.length; i++) {
    const index = indices[i]!
    let at = i
    for (; at > 0 && indices[at - 1]! > index; at--) indices[at] = indices[at - 1]!
    indices[at] = index
  }
  return indices
}

function matchRoute(routes: readonly Route[], indices: readonly number[], host: string, path: string): RouteMatch {
  for (const index of indices) {
    const route = routes[index] as Route
    if (route.host !== null && !route.host.test(host)) continue
    const length = route.prefix.match(path)
    if (length === -1) continue
    // A strict refusal answers at once: it does not fall through to a shorter listen path.
    if (route.strict && length !== path.length && path[length] !== '/') return NONE
    return { kind: 'api', api: route.api }
  }
  return NONE
}

/** An api_id is text, not a template: braces in it can never be balanced into one. */
const escapeBraces = (apiId: string): string => apiId.replaceAll(/[{}]/g, '')

function sortApis(apis: readonly CompiledApi[], domainsFirst: boolean): CompiledApi[] {
  const rank = (api: CompiledApi): number => (domainsFirst && api.definition.domain !== '' ? 0 : 1)
  return [...apis].toSorted(
    (a, b) => rank(a) - rank(b) || effectiveLength(b.listenPath) - effectiveLength(a.listenPath),
  )
}

function hostMatcherOf(api: CompiledApi, options: RouterOptions): HostMatcher | null {
  const restricted = domainOf(api.definition, options.enableCustomDomains) || options.hostname
  return restricted === '' ? null : compileHost(restricted)
}

/** The domain that an API is limited to; empty: it has none, or it is not in force. */
export const domainOf = ({ domain, domain_disabled: disabled }: ApiDefinition, enableCustomDomains: boolean): string =>
  enableCustomDomains && !disabled ? domain : ''

/**
 * Compares hosts without letter case. The port counts only when the compiled pattern contains a colon, which a
 * non-capturing group does as well.
 *
 * @throws For unbalanced braces, an empty name or a bad inner regex.
 */
export function compileHost(template: string): HostMatcher {
  const withPort = template.includes(':') && templateToRegex(template, '[^.]+').includes(':')
  if (!template.includes('{')) {
    if (template.includes('}')) throw new ListenPathError(`unbalanced braces in "${template}"`)
    const expected = template.toLowerCase()
    const test = (host: string): boolean => (withPort ? host : stripPort(host)).toLowerCase() === expected
    return { exact: withPort ? null : expected, test }
  }
  const pattern = RE2JS.compile(`^${templateToRegex(template, '[^.]+')}$`, RE2JS.CASE_INSENSITIVE)
  return { exact: null, test: (host) => pattern.matcher(withPort ? host : stripPort(host)).matches() }
}

function stripPort(host: string): string {
  if (host.startsWith('[')) return host.slice(0, host.indexOf(']') + 1)
  const colon = host.lastIndexOf(':')
  return colon === -1 ? host : host.slice(0, colon)
}
