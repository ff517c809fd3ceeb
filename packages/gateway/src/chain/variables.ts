// Hot path.
import { toByteString } from '../byte-string.ts'
import { escapeQuery } from '../auth/query.ts'
import type { SecretValues } from '../secrets/secret-values.ts'
import type { RequestContext } from './context.ts'
import { contextVariable } from './context-variables.ts'
import type { ChainDeps } from './types.ts'

/** Sources that do not depend on the request. */
export interface SecretSources {
  readonly env: NodeJS.ProcessEnv
  /** The `secrets` map of tyk.conf. */
  readonly secrets: Readonly<Record<string, string>>
  /** Null: the text has come too late for Consul, Vault and files, which are read at loads only. */
  readonly stored: Pick<SecretValues, 'variable'> | null
}

/** The sources for texts of API definitions. */
export const definitionSources = ({ env, config, secretValues }: ChainDeps): SecretSources => ({
  env,
  secrets: config.secrets,
  stored: secretValues,
})

/** A configured text with variables in it, ready to be filled in per request. The result is a byte string. */
export type Template = (ctx: RequestContext) => string

/** A text refers to a store that cannot be read for it. */
export class TemplateError extends Error {
  readonly code = 'GATEWAY_TEMPLATE'
}

/** Whether values of the request and of the key's metadata are escaped for a URL. */
export type Escaping = 'none' | 'url'

type Part = string | ((ctx: RequestContext) => string)

const TOKEN =
  /\$(?:(secret_conf|secret_env|tyk_context|tyk_meta)\.([A-Za-z0-9_.-]+)|(secret_vault|secret_consul|secret_file)\.[A-Za-z0-9_./-]+|(kv\{)[^}]*\})/g

/**
 * Compiles a configured text. Only tokens that stand in it are filled in: what a client sends is never expanded, and
 * one variable's name being the beginning of another's does no harm.
 *
 * @throws TemplateError for a store where the sources have none.
 */
export function compileTemplate(text: string, sources: SecretSources, escaping: Escaping = 'none'): Template {
  if (text.startsWith('kv://')) return storedPart(text, sources)
  const parts: Part[] = []
  let at = 0
  for (const match of text.matchAll(TOKEN)) {
    const [token, source, name, store, kv] = match
    const isStored = store !== undefined || kv !== undefined
    const part = isStored ? storedPart(token, sources) : partOf(source as string, name as string, sources, escaping)
    parts.push(toByteString(text.slice(at, match.index)), part)
    at = match.index + token.length
  }
  parts.push(toByteString(text.slice(at)))
  const kept = parts.filter((part) => part !== '')
  if (kept.length === 0) return () => ''
  const [only] = kept
  if (kept.length === 1) return typeof only === 'function' ? only : () => only as string
  return (ctx) => kept.reduce<string>((filled, part) => filled + (typeof part === 'string' ? part : part(ctx)), '')
}

/** Names of the context variables that appear anywhere in a text, without their `$tyk_context.` prefix. */
export function referencedContextVariables(text: string): string[] {
  const names = [...text.matchAll(/\$tyk_context\.([A-Za-z0-9_.-]+)/g)].map((match) => match[1] as string)
  return [...new Set(names)]
}

/** Reads what is known, and never waits. */
function storedPart(token: string, { stored }: SecretSources): () => string {
  if (stored === null) {
    throw new TemplateError(`${token}: use $secret_env. or $secret_conf., stores are read for API definitions only`)
  }
  const variable = stored.variable(token)
  return () => variable.text
}

function partOf(source: string, name: string, { env, secrets }: SecretSources, escaping: Escaping): Part {
  const escape = escaping === 'url' ? escapeForUrl : (value: string): string => value
  switch (source) {
    case 'secret_env':
      return toByteString(env[`TYK_SECRET_${name.toUpperCase()}`] ?? '')
    case 'secret_conf':
      return toByteString(secrets[name] ?? '')
    case 'tyk_meta':
      return (ctx) => escape(toByteString(formatValue(ctx.session?.meta_data?.[name])))
    default:
      return (ctx) => escape(contextText(ctx, name))
  }
}

/** A value that is a URL itself goes into another as it is. */
const escapeForUrl = (value: string): string => (value.startsWith('http') ? value : escapeQuery(value))

function contextText(ctx: RequestContext, name: string): string {
  if (name.startsWith('trigger-')) return ctx.triggerVariables?.get(name) ?? ''
  if (ctx.variables === null) return ''
  const value = contextVariable(ctx, name)
  // Lists of a token are untyped for Go: their members are escaped, those of the request's own lists are not.
  const text = name.startsWith('jwt_claims_') && Array.isArray(value) ? formatClaimList(value) : formatValue(value)
  // Claims are text from a token; everything else came from the wire and is a byte string already.
  return name.startsWith('jwt_claims_') ? toByteString(text) : text
}

/**
 * A variable's value as text: numbers without exponent, lists joined with commas (their nested members escaped), a map
 * of parameters as `name:v1,v2;name2:v`. Booleans, objects and null are the empty string.
 */
export function formatValue(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return formatNumber(value)
  if (Array.isArray(value)) return formatList(value)
  if (value instanceof Map) return formatParameters(value as ReadonlyMap<string, readonly string[]>)
  return ''
}

function formatNumber(value: number): string {
  const text = String(value)
  return text.includes('e') ? value.toLocaleString('en', { useGrouping: false, maximumFractionDigits: 20 }) : text
}

/** The first part of a path is empty: the comma behind it goes. */
function formatList(list: readonly unknown[]): string {
  const text = list.map(formatValue).join(',')
  return text.startsWith(',') ? text.slice(1) : text
}

const formatClaimList = (list: readonly unknown[]): string =>
  list
    .map((item) => queryEscape(Array.isArray(item) ? formatClaimList(item) : formatValue(item)))
    .filter((item) => item !== '')
    .join(',')

/** As Go's `url.QueryEscape`. */
const queryEscape = (text: string): string =>
  encodeURIComponent(text)
    .replaceAll('%20', '+')
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

const formatParameters = (parameters: ReadonlyMap<string, readonly string[]>): string =>
  [...parameters].map(([name, values]) => `${name}:${values.join(',')}`).join(';')
