import { randomUUID } from 'node:crypto'
import type { ContextValue, RequestContext } from './context.ts'
import { canonicalHeaderName } from './headers.ts'

/** Reads a context variable: one that a step has set, else one that follows from the request. Absent: undefined. */
export function contextVariable(ctx: RequestContext, name: string): ContextValue {
  const variables = ctx.variables
  if (variables === null) return undefined
  if (ctx.claims?.has(name)) return ctx.claims.get(name)
  if (variables.has(name)) return variables.get(name)
  const value = fromRequest(ctx, name)
  if (value !== undefined) variables.set(name, value)
  return value
}

/** Lays the variables of a token over those of the request, and over those of a token before. */
export function addClaims(ctx: RequestContext, claims: ReadonlyMap<string, ContextValue>): void {
  ctx.claims = ctx.claims === null ? claims : new Map([...ctx.claims, ...claims])
}

function fromRequest(ctx: RequestContext, name: string): ContextValue {
  switch (name) {
    case 'path':
      return ctx.path
    case 'path_parts':
      return ctx.path.split('/')
    case 'remote_addr':
      return ctx.clientIp
    case 'request_id':
      return randomUUID()
    case 'headers_Host':
      return ctx.host
    case 'request_data':
      return parameters(ctx)
  }
  if (name.startsWith('headers_')) return headerNamed(ctx, name.slice('headers_'.length))
  if (name.startsWith('cookies_')) return cookieNamed(ctx, name.slice('cookies_'.length))
  if (name.startsWith('request_data_')) return parameterNamed(ctx, name.slice('request_data_'.length))
  return undefined
}

/** Header names appear in canonical form with `-` as `_`. */
function headerNamed(ctx: RequestContext, wanted: string): string | undefined {
  const { pairs } = ctx.headers
  for (let i = 0; i < pairs.length; i += 2) {
    if (canonicalHeaderName(pairs[i] as string).replaceAll('-', '_') === wanted) return pairs[i + 1]
  }
  return undefined
}

function cookieNamed(ctx: RequestContext, wanted: string): string | undefined {
  for (const line of ctx.headers.getAll('Cookie')) {
    for (const item of line.split(';')) {
      const equals = item.indexOf('=')
      if (equals === -1) continue
      if (item.slice(0, equals).trim().replaceAll('-', '_') === wanted) return unquote(item.slice(equals + 1).trim())
    }
  }
  return undefined
}

const unquote = (value: string): string =>
  value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value

function parameterNamed(ctx: RequestContext, wanted: string): string | undefined {
  for (const [name, values] of parameters(ctx)) {
    if (name.replaceAll('-', '_') === wanted) return values[0]
  }
  return undefined
}

/** Body values come first, then those of the query; the result is remembered. */
function parameters(ctx: RequestContext): ReadonlyMap<string, readonly string[]> {
  const known = ctx.variables?.get('request_data')
  if (known instanceof Map) return known as ReadonlyMap<string, readonly string[]>
  const all = new Map<string, string[]>()
  for (const text of [ctx.formBody ?? '', ctx.query]) addParameters(all, text)
  ctx.variables?.set('request_data', all)
  return all
}

function addParameters(all: Map<string, string[]>, text: string): void {
  for (const item of text.split('&')) {
    // Go refuses a semicolon in a query; such an item is left out.
    if (item === '' || item.includes(';')) continue
    const equals = item.indexOf('=')
    const name = decodeForm(equals === -1 ? item : item.slice(0, equals))
    const value = equals === -1 ? '' : decodeForm(item.slice(equals + 1))
    if (name === null || value === null) continue
    const values = all.get(name)
    if (values === undefined) all.set(name, [value])
    else values.push(value)
  }
}

function decodeForm(text: string): string | null {
  if (!text.includes('%') && !text.includes('+')) return text
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return null
  return text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
