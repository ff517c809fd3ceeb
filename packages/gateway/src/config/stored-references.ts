import { createSecretStores } from '../secrets/create-stores.ts'
import { placeOf, type Reference } from '../secrets/reference.ts'
import { SecretStoreError, type Stored, type StoredPlace } from '../secrets/store.ts'
import { setPath } from './bind.ts'
import { ConfigError, type Problem } from './config-error.ts'
import { deepFreeze } from './deep-freeze.ts'
import type { LoadedConfig, LoadOptions } from './load.ts'
import { placeOf as rowPlaceOf } from './mismatch.ts'
import { emptyReferenceProblem, resolveValue } from './references.ts'
import type { GatewayConfig } from './schema.ts'
import type { PlacedRow } from './section.ts'

/** A value of the configuration that Consul or Vault has to fill in. */
export interface StoredValue {
  readonly placed: PlacedRow
  readonly text: string
  readonly parts: readonly (string | Reference)[]
}

/** Somebody wanted these to be secret: the public default, or none, must not stand in for what a reference did not find. */
export const NEVER_EMPTY: ReadonlySet<string> = new Set(['secret', 'node_secret'])

/**
 * Asks Consul and Vault for the values of the configuration that they hold. Nothing is asked when there are none.
 *
 * @throws ConfigError with all problems at once: reference, store, what was answered and the cure.
 */
export async function fetchStoredValues(
  loaded: LoadedConfig,
  { env, cwd }: Pick<LoadOptions, 'env' | 'cwd'>,
): Promise<LoadedConfig> {
  const { storedValues, config } = loaded
  if (storedValues.length === 0) return loaded
  const found = await readAll(storedValues, config, { env, cwd })
  const sources = {
    env,
    cwd,
    secrets: config.secrets,
    basePath: config.kv.file.base_path,
    stored: (place: StoredPlace) => {
      const result = found.get(keyOf(place))
      if (result === undefined || result instanceof SecretStoreError) {
        throw result ?? new SecretStoreError('missing', 'it has not been read')
      }
      return result
    },
  }
  const problems: Problem[] = []
  const filled = structuredClone(config) as unknown as Record<string, unknown>
  for (const { placed, text, parts } of storedValues) {
    const resolved = resolveValue(parts, sources)
    const problem =
      'problem' in resolved
        ? resolved.problem
        : NEVER_EMPTY.has(placed.key)
          ? emptyReferenceProblem(text, parts, resolved.value)
          : undefined
    if (problem !== undefined) problems.push({ source: 'check', text: `${rowPlaceOf(placed)}: ${problem}` })
    else if ('value' in resolved) setPath(filled, placed.key, resolved.value)
  }
  if (problems.length > 0) throw new ConfigError(problems, loaded.path)
  return { ...loaded, config: deepFreeze(filled) as unknown as GatewayConfig, storedValues: [] }
}

async function readAll(
  values: readonly StoredValue[],
  config: GatewayConfig,
  { env, cwd }: Pick<LoadOptions, 'env' | 'cwd'>,
): Promise<ReadonlyMap<string, Stored | SecretStoreError>> {
  const places = new Map<string, StoredPlace>()
  for (const part of values.flatMap(({ parts }) => parts)) {
    const place = typeof part === 'string' ? null : placeOf(part)
    if (place !== null && place.store !== 'file') places.set(keyOf(place), place)
  }
  const stores = createSecretStores(config.kv, cwd, env)
  try {
    const read = async ([key, { store, path }]: [string, StoredPlace]) =>
      [key, await stores[store].read(path).catch(storeError)] as const
    return new Map(await Promise.all([...places].map(read)))
  } finally {
    await Promise.all(Object.values(stores).map((store) => store.close()))
  }
}

function storeError(err: unknown): SecretStoreError {
  if (err instanceof SecretStoreError) return err
  throw err
}

const keyOf = ({ store, path }: StoredPlace): string => `${store}:${path}`
