import type { ApiDefinition } from '../api-definition/schema.ts'
import { parseInline, parseReference, placeOf, type Reference, SecretReferenceError, referenceTo } from './reference.ts'
import type { StoredPlace } from './store.ts'

/** `$secret_vault.path.field` and its like, and `$kv{…}`, wherever they stand in a text. */
const VARIABLE = /\$secret_(vault|consul|file)\.([A-Za-z0-9_./-]+)|\$kv\{[^{}"\\]*\}/g

/**
 * The reference that a variable stands for: `$secret_vault.path.field`, `$secret_consul.key`, `$secret_file.path`,
 * `$kv{store:path#field}`, or `kv://store/path#field` as a whole text.
 *
 * @throws SecretReferenceError when it is malformed.
 */
export function parseVariable(token: string): Reference {
  if (token.startsWith('$kv{')) return parseInline(token)
  const whole = parseReference(token)
  if (whole !== null) return whole
  const dot = token.indexOf('.')
  const store = token.slice('$secret_'.length, dot) as StoredPlace['store']
  return referenceTo(store, token.slice(dot + 1), null, token)
}

const placesByDefinition = new WeakMap<ApiDefinition, readonly StoredPlace[]>()

/** Places in stores that variables anywhere in a definition refer to. */
export function placesOfVariables(definition: ApiDefinition): readonly StoredPlace[] {
  let places = placesByDefinition.get(definition)
  if (places === undefined) {
    places = placesIn(JSON.stringify(definition))
    placesByDefinition.set(definition, places)
  }
  return places
}

function placesIn(text: string): StoredPlace[] {
  if (!text.includes('$secret_') && !text.includes('$kv{') && !text.includes('"kv://')) return []
  const tokens = [...text.matchAll(VARIABLE)].map(([token]) => token)
  const wholes = [...text.matchAll(/"(kv:\/\/[^"\\]*)"/g)].map(([, whole]) => whole as string)
  return [...tokens, ...wholes].map(placeFrom).filter((place) => place !== null)
}

function placeFrom(token: string): StoredPlace | null {
  try {
    return placeOf(parseVariable(token))
  } catch (err) {
    // Whoever uses it says so.
    if (err instanceof SecretReferenceError) return null
    throw err
  }
}
