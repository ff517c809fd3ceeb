import { RE2JS } from 're2js'
import type { CompiledApi } from '../api-definition/compiled-api.ts'
import { compileListenPath, effectiveLength, templateToRegex, type ListenPath } from './listen-path.ts'

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

type HostMatcher = (host: string) => boolean

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
  return {
    match: (host, path) => matchRoute(routes, host, path),
  }
}

function matchRoute(routes: readonly Route[], host: string, path: string): RouteMatch {
  for (const route of routes) {
    if (route.host !== null && !route.host(host)) continue
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
  const { domain, domain_disabled: domainDisabled } = api.definition
  const restricted = options.enableCustomDomains && domain !== '' && !domainDisabled ? domain : options.hostname
  return restricted === '' ? null : compileHost(restricted)
}

/**
 * Compares hosts without letter case. The port counts only when the compiled pattern contains a colon, which a
 * non-capturing group does as well.
 */
export function compileHost(template: string): HostMatcher {
  const withPort = template.includes(':') && templateToRegex(template, '[^.]+').includes(':')
  if (!template.includes('{')) {
    const expected = template.toLowerCase()
    return (host) => (withPort ? host : stripPort(host)).toLowerCase() === expected
  }
  const pattern = RE2JS.compile(`^${templateToRegex(template, '[^.]+')}$`, RE2JS.CASE_INSENSITIVE)
  return (host) => pattern.matcher(withPort ? host : stripPort(host)).matches()
}

function stripPort(host: string): string {
  if (host.startsWith('[')) return host.slice(0, host.indexOf(']') + 1)
  const colon = host.lastIndexOf(':')
  return colon === -1 ? host : host.slice(0, colon)
}
