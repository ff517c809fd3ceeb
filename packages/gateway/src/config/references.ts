import { type Reference, SecretReferenceError, parseText, placeOf } from '../secrets/reference.ts'
import { type ReferenceSources, resolve } from '../secrets/resolve.ts'

export type Resolved = { readonly value: string } | { readonly problem: string }

/** A value taken apart into what stands in it and what it refers to, or why it cannot be. */
export type ParsedValue = { readonly parts: readonly (string | Reference)[] } | { readonly problem: string }

export function parseValue(text: string): ParsedValue {
  return attempt(() => ({ parts: parseText(text) }))
}

/** Whether a value needs what is in Consul or Vault. */
export const isStored = (parts: readonly (string | Reference)[]): boolean =>
  parts.some((part) => typeof part !== 'string' && part.store !== 'file' && placeOf(part) !== null)

/**
 * Fills in what a value refers to.
 *
 * An `env://` name without a variable is the empty text, as in Tyk; every other failure is a problem. The value itself
 * never appears in one.
 */
export function resolveValue(parts: readonly (string | Reference)[], sources: ReferenceSources): Resolved {
  return attempt(() => ({
    value: parts.map((part) => (typeof part === 'string' ? part : resolve(part, sources))).join(''),
  }))
}

function attempt<T>(work: () => T): T | { readonly problem: string } {
  try {
    return work()
  } catch (err) {
    if (err instanceof SecretReferenceError) return { problem: err.message }
    throw err
  }
}

/**
 * What is wrong with a reference that led to nothing, where the value is one that no gateway may guess; undefined for
 * any other text. Blanks alone are nothing.
 */
export function emptyReferenceProblem(
  text: string,
  parts: readonly (string | Reference)[],
  value: string,
): string | undefined {
  const reference = parts.find((part) => typeof part !== 'string')
  if (reference === undefined || value.trim() !== '') return undefined
  const { store, path } = reference
  const cures: Readonly<Record<Reference['store'], string>> = {
    env: `set TYK_SECRET_${path.toUpperCase()}`,
    secrets: `give ${path} a value in the secrets map`,
    file: 'write the value into the file',
    consul: 'give the key a value',
    vault: 'give the field a value',
  }
  return `${text} is empty: ${cures[store]}`
}
