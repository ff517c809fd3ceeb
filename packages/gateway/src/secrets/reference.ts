import type { Stored, StoredPlace } from './store.ts'

/** A reference to one secret, taken apart. */
export interface Reference {
  /** As it is written, for messages. */
  readonly text: string
  readonly store: 'env' | 'secrets' | StoredPlace['store']
  readonly path: string
  /** Which part of what stands there: a field by its name, or a JSON Pointer; null: all of it. */
  readonly field: { readonly kind: 'name' | 'pointer'; readonly text: string } | null
}

/** A text that is no reference although it looks like one. The message names the cure. */
export class SecretReferenceError extends Error {
  readonly code = 'GATEWAY_REFERENCE'
}

const WHOLE = /^(env|secrets|file|consul|vault|kv):\/\/(.*)$/s
const STORES: ReadonlySet<string> = new Set(['env', 'secrets', 'file', 'consul', 'vault'])

/**
 * Takes a value apart that is a reference as a whole, such as `vault://secret/gateway.key` or
 * `kv://vault/secret/gateway#key`; null: it is none.
 *
 * @throws SecretReferenceError when it is malformed or names a store that there is not.
 */
export function parseReference(text: string): Reference | null {
  const [, scheme, rest = ''] = WHOLE.exec(text) ?? []
  if (scheme === undefined) return null
  if (scheme !== 'kv') return referenceTo(scheme as Reference['store'], rest, null, text)
  const slash = rest.indexOf('/')
  if (slash === -1) throw new SecretReferenceError(`${text}: expected kv://store/path or kv://store/path#field`)
  return fromStore(rest.slice(0, slash), rest.slice(slash + 1), text)
}

const INLINE = /\$kv\{([^{}]*)\}/g

/**
 * Takes a text with `$kv{store:path#field}` in it apart, or one that is a reference as a whole.
 *
 * @throws SecretReferenceError as `parseReference` does.
 */
export function parseText(text: string): (string | Reference)[] {
  const whole = parseReference(text)
  if (whole !== null) return [whole]
  const parts: (string | Reference)[] = []
  let at = 0
  for (const match of text.matchAll(INLINE)) {
    parts.push(text.slice(at, match.index), parseInline(match[0]))
    at = match.index + match[0].length
  }
  parts.push(text.slice(at))
  if (parts.some((part) => typeof part === 'string' && part.includes('$kv{'))) {
    throw new SecretReferenceError('$kv{: the brace is not closed')
  }
  return parts.filter((part) => part !== '')
}

/**
 * Takes one `$kv{store:path#field}` apart.
 *
 * @throws SecretReferenceError as `parseReference` does.
 */
export function parseInline(text: string): Reference {
  const inner = text.slice('$kv{'.length, -1)
  const colon = inner.indexOf(':')
  if (colon === -1) throw new SecretReferenceError(`${text}: expected $kv{store:path} or $kv{store:path#field}`)
  return fromStore(inner.slice(0, colon), inner.slice(colon + 1), text)
}

function fromStore(store: string, rest: string, text: string): Reference {
  if (!STORES.has(store)) {
    throw new SecretReferenceError(
      `${text}: there is no store ${store}; there are env, secrets, file, consul and vault`,
    )
  }
  const hash = rest.indexOf('#')
  const path = hash === -1 ? rest : rest.slice(0, hash)
  return referenceTo(store as Reference['store'], path, hash === -1 ? null : rest.slice(hash + 1), text)
}

/** @param pointer - what stands behind `#`. */
export function referenceTo(store: Reference['store'], path: string, pointer: string | null, text: string): Reference {
  if (path === '') throw new SecretReferenceError(`${text}: the path is empty`)
  if (pointer !== null) return { text, store, path, field: { kind: 'pointer', text: pointer } }
  if (store === 'consul' && path.endsWith('/')) throw new SecretReferenceError(`${text}: a folder has no value`)
  if (store !== 'vault') return { text, store, path, field: null }
  const dot = path.indexOf('.')
  if (dot < 1 || dot === path.length - 1) {
    throw new SecretReferenceError(`${text}: name a field of the secret, as in path/to/secret.field`)
  }
  return { text, store, path: path.slice(0, dot), field: { kind: 'name', text: path.slice(dot + 1) } }
}

/** Where a reference is read; null: in the environment or in the configuration, which are at hand. */
export function placeOf({ store, path }: Reference): StoredPlace | null {
  return store === 'env' || store === 'secrets' ? null : { store, path }
}

/**
 * The part of what is stored that a reference names, as text: numbers and the like as JSON.
 *
 * @throws SecretReferenceError when there is no such part.
 */
export function selectField(stored: Stored, { text, field }: Pick<Reference, 'text' | 'field'>): string {
  if (field === null) return asText(stored)
  const value = field.kind === 'name' ? memberOf(stored, field.text) : atPointer(stored, field.text, text)
  if (value === undefined) throw new SecretReferenceError(`${text}: there is no field ${field.text}`)
  return asText(value)
}

/** By RFC 6901, the first slash may be left out. */
function atPointer(stored: Stored, pointer: string, text: string): unknown {
  let value: unknown = typeof stored === 'string' ? parseJson(stored, text) : stored
  for (const part of pointer.replace(/^\//, '').split('/')) {
    value = memberOf(value, part.replaceAll('~1', '/').replaceAll('~0', '~'))
  }
  return value
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined

function parseJson(stored: string, text: string): unknown {
  try {
    return JSON.parse(stored) as unknown
  } catch {
    // The parser's message would quote the secret.
    throw new SecretReferenceError(`${text}: what is stored there is not JSON`)
  }
}

/** A secret as it stands in a text. */
export const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
