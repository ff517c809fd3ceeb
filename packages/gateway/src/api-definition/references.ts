import {
  asText,
  parseInline,
  parseReference,
  placeOf,
  type Reference,
  referenceTo,
  SecretReferenceError,
} from '../secrets/reference.ts'
import { resolve } from '../secrets/resolve.ts'
import type { SecretValues } from '../secrets/secret-values.ts'
import type { FileOptions } from '../secrets/secret-file.ts'
import { SecretStoreError, type Stored, type StoredPlace } from '../secrets/store.ts'
import type { ApiDefinition } from './schema.ts'

/** Where value references in definition files are looked up. */
export interface DefinitionSources extends FileOptions {
  readonly env: NodeJS.ProcessEnv
  /** The `secrets` map of tyk.conf. */
  readonly secrets: Readonly<Record<string, string>>
  /** What is known of Consul and Vault; null: they are not asked, and what refers to them stays as it is. */
  readonly values: SecretValues | null
}

/** References that stay in the text because they lead to nothing, with the reason and at how many places they stand. */
export type Unresolved = Map<string, { readonly reason: string; readonly places: number }>

/** Where `consul://key` and `vault://field` in a definition are looked up. */
const CONSUL_FOLDER: StoredPlace = { store: 'consul', path: 'tyk-apis/' }
const VAULT_SECRET: StoredPlace = { store: 'vault', path: 'secret/tyk-apis' }

const TOKEN = /(?:env|secrets|consul|vault|(?<![A-Za-z])file):\/\/|"kv:\/\/[^"]*"|\$kv\{[^{}"]*\}/g

export interface Substituted {
  readonly text: string
  readonly unresolved: Unresolved
  /** What was put in. */
  readonly values: readonly string[]
}

/**
 * Replaces references in the text of a definition file, before it is parsed: `env://NAME` and `file://path`, up to the
 * next quote; `secrets://key`, `consul://key` and `vault://field`, of which the longest name counts that is there;
 * `kv://store/path#field` as a whole value; `$kv{store:path#field}`. Values are escaped for JSON, and not searched for
 * further references. What cannot be resolved stays as it is.
 */
export function substituteReferences(text: string, sources: DefinitionSources): Substituted {
  const unresolved: Unresolved = new Map()
  const values: string[] = []
  const names = namesIn(sources)
  let substituted = ''
  let at = 0
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (index < at) continue
    try {
      const found = valueAt(text, index, token, names, sources)
      if (found === null) continue
      substituted += text.slice(at, index) + found.inJson
      values.push(found.value)
      at = index + found.length
    } catch (err) {
      if (!(err instanceof SecretReferenceError)) throw err
      const reference = referenceAt(text, index)
      unresolved.set(reference, { reason: err.message, places: (unresolved.get(reference)?.places ?? 0) + 1 })
    }
  }
  return { text: substituted + text.slice(at), unresolved, values }
}

interface Found {
  readonly value: string
  /** Escaped. */
  readonly inJson: string
  /** Of the reference, in the text. */
  readonly length: number
}

type Names = Readonly<Record<'secrets' | 'consul' | 'vault', () => NamedValues>>

function valueAt(text: string, index: number, token: string, names: Names, sources: DefinitionSources): Found | null {
  const start = index + token.length
  switch (token) {
    case 'env://': {
      const name = upToQuote(text, start)
      const value = sources.env[name]
      return value === undefined || value === '' ? null : asFound(value, token.length + name.length)
    }
    case 'file://': {
      const path = upToQuote(text, start)
      // Without a folder for them these are no references.
      if (sources.basePath === '') return null
      const reference = referenceTo('file', path, null, referenceAt(text, index))
      return asFound(resolveWith(reference, sources), token.length + path.length)
    }
    case 'secrets://':
    case 'consul://':
    case 'vault://': {
      const store = token.slice(0, -'://'.length) as keyof Names
      return store !== 'secrets' && sources.values === null ? null : longestAt(text, start, token, names[store]())
    }
    default: {
      const isWhole = token.startsWith('"')
      const reference = isWhole ? token.slice(1, -1) : token
      if (sources.values === null && isRemote(reference)) return null
      const { value, inJson, length } = asFound(resolveIn(reference, sources), token.length)
      return { value, inJson: isWhole ? `"${inJson}"` : inJson, length }
    }
  }
}

const asFound = (value: string, length: number): Found => ({ value, inJson: escaped(value), length })

const upToQuote = (text: string, start: number): string => {
  const quote = text.indexOf('"', start)
  return text.slice(start, quote === -1 ? undefined : quote)
}

/** As much of a reference as messages show: what stands behind it in the text may be a secret. */
const referenceAt = (text: string, index: number): string =>
  /^"?(\$kv\{[^}"]*\}|[a-z]+:\/\/[\w./#-]*)/.exec(text.slice(index, index + 300))?.[1] ?? ''

const escaped = (value: string): string => JSON.stringify(value).slice(1, -1)

interface NamedValues {
  /** The longest first. */
  readonly names: readonly string[]
  readonly values: Readonly<Record<string, unknown>>
}

/** What names stand for; put in order when the first is looked for. */
function namesIn({ secrets, values }: DefinitionSources): Names {
  const known = new Map<string, NamedValues>()
  const sorted = (store: string, read: () => Stored): NamedValues => {
    const before = known.get(store)
    if (before !== undefined) return before
    const stored = read()
    const byName = typeof stored === 'string' ? {} : stored
    const named = { names: Object.keys(byName).toSorted((a, b) => b.length - a.length), values: byName }
    known.set(store, named)
    return named
  }
  const read = (place: StoredPlace): Stored => {
    try {
      return values?.read(place) ?? {}
    } catch (err) {
      if (!(err instanceof SecretStoreError)) throw err
      throw new SecretReferenceError(err.message, { cause: err })
    }
  }
  return {
    secrets: () => sorted('secrets', () => secrets),
    consul: () => sorted('consul', () => read(CONSUL_FOLDER)),
    vault: () => sorted('vault', () => read(VAULT_SECRET)),
  }
}

function longestAt(text: string, start: number, token: string, { names, values }: NamedValues): Found {
  const name = names.find((each) => each !== '' && text.startsWith(each, start))
  if (name !== undefined) return asFound(asText(values[name]), token.length + name.length)
  const reasons: Readonly<Record<string, string>> = {
    'secrets://': 'the secrets map has no such key',
    'consul://': `Consul has no such key below ${CONSUL_FOLDER.path}`,
    'vault://': `Vault has no such field in ${VAULT_SECRET.path}`,
  }
  throw new SecretReferenceError(reasons[token] ?? 'unknown')
}

/** @param text - a reference as a whole, or `$kv{…}`; any other text is its own value. */
function resolveIn(text: string, sources: DefinitionSources): string {
  const reference = referenceFrom(text)
  return reference === null ? text : resolveWith(reference, sources)
}

const resolveWith = (reference: Reference, sources: DefinitionSources): string =>
  resolve(reference, { ...sources, stored: (place) => storedIn(place, sources) })

const referenceFrom = (text: string): Reference | null =>
  /^\$kv\{[^{}]*\}$/.test(text) ? parseInline(text) : parseReference(text)

function storedIn(place: StoredPlace, { values }: DefinitionSources): Stored {
  if (values === null) throw new SecretStoreError('missing', 'stores are not asked')
  return values.read(place)
}

const isRemote = (text: string): boolean => {
  const place = placeFrom(text)
  return place !== null && place.store !== 'file'
}

/** Places of Consul and Vault that have to be known before references in a text can be replaced. */
export function placesOfReferences(text: string): StoredPlace[] {
  const tokens = [...text.matchAll(TOKEN)].map(([token]) => token)
  return [
    ...(tokens.includes('consul://') ? [CONSUL_FOLDER] : []),
    ...(tokens.includes('vault://') ? [VAULT_SECRET] : []),
    ...tokens
      .map((token) => (token.startsWith('"') ? token.slice(1, -1) : token))
      .filter((token) => token.startsWith('kv://') || token.startsWith('$kv{'))
      .map(placeFrom)
      .filter((place) => place !== null),
  ]
}

function placeFrom(text: string): StoredPlace | null {
  try {
    const reference = referenceFrom(text)
    return reference === null ? null : placeOf(reference)
  } catch (err) {
    if (err instanceof SecretReferenceError) return null
    throw err
  }
}

/** The values that may also be a reference of the longer forms, as in tyk.conf: listen path and targets. */
function routingValues(definition: ApiDefinition): string[] {
  const { proxy, version_data } = definition
  const overrides = Object.values(version_data.versions).map(({ override_target }) => override_target)
  return [proxy.listen_path, proxy.target_url, ...overrides]
}

/** Places that `resolveRouting` asks for. */
export const placesOfRouting = (definition: ApiDefinition): StoredPlace[] =>
  routingValues(definition)
    .map(placeFrom)
    .filter((place) => place !== null)

/**
 * Resolves listen path and targets that are still a reference as a whole: `env://NAME` to `TYK_SECRET_NAME`,
 * `consul://` to a key by its full path, `vault://path.field`. What leads to nothing stays.
 *
 * @param unresolved - gains what stays, and loses what does not.
 * @param values - gains what was put in.
 */
export function resolveRouting(
  definition: ApiDefinition,
  sources: DefinitionSources,
  unresolved: Unresolved,
  values: string[],
): ApiDefinition {
  const whole = (text: string): string => {
    const value = resolved(text)
    if (value !== text) values.push(value)
    return value
  }
  const resolved = (text: string): string => {
    if (text.startsWith('env://')) return sources.env[`TYK_SECRET_${text.slice('env://'.length).toUpperCase()}`] ?? text
    const reference = referenceAt(text, 0)
    const before = unresolved.get(reference)
    try {
      if (sources.values === null && isRemote(text)) return text
      const value = resolveIn(text, sources)
      // The same reference may stand elsewhere, where it leads to nothing.
      if (value !== text && before !== undefined) {
        if (before.places === 1) unresolved.delete(reference)
        else unresolved.set(reference, { ...before, places: before.places - 1 })
      }
      return value
    } catch (err) {
      if (!(err instanceof SecretReferenceError)) throw err
      // What stands behind the reference may be a secret.
      const reason = err.message.replace(text, () => reference)
      unresolved.set(reference, { reason, places: before?.places ?? 1 })
      return text
    }
  }
  if (!routingValues(definition).some((text) => text.includes('://') && !/^https?:/i.test(text))) return definition
  const { proxy, version_data } = definition
  const versions = Object.entries(version_data.versions).map(([name, version]) => [
    name,
    { ...version, override_target: whole(version.override_target) },
  ])
  return {
    ...definition,
    proxy: { ...proxy, listen_path: whole(proxy.listen_path), target_url: whole(proxy.target_url) },
    version_data: {
      ...version_data,
      versions: Object.fromEntries(versions) as ApiDefinition['version_data']['versions'],
    },
  }
}
