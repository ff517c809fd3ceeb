import { readSecretFile, type FileOptions } from './secret-file.ts'
import { SecretReferenceError, type Reference, selectField } from './reference.ts'
import { SecretStoreError, type Stored, type StoredPlace } from './store.ts'

/** Where references find their values. */
export interface ReferenceSources extends FileOptions {
  readonly env: NodeJS.ProcessEnv
  /** The `secrets` map of tyk.conf. */
  readonly secrets: Readonly<Record<string, string>>
  /** What is known of a place in Consul or Vault; throws SecretStoreError when that is nothing. */
  readonly stored: (place: StoredPlace) => Stored
}

/**
 * The value of one reference, without waiting: what is asked for in Consul or Vault has to be known.
 *
 * A variable that there is not is the empty text, as in Tyk.
 *
 * @throws SecretReferenceError for anything else that leads to nothing. The message never holds a value.
 */
export function resolve(reference: Reference, sources: ReferenceSources): string {
  const { store, path, text } = reference
  switch (store) {
    case 'env':
      return selectField(sources.env[`TYK_SECRET_${path.toUpperCase()}`] ?? '', reference)
    case 'secrets':
      if (!Object.hasOwn(sources.secrets, path))
        throw new SecretReferenceError(`${text}: the secrets map has no such key`)
      return selectField(sources.secrets[path] ?? '', reference)
    case 'file':
      return selectField(
        explained(text, () => readSecretFile(path, sources)),
        reference,
      )
    default:
      return selectField(
        explained(text, () => sources.stored({ store, path })),
        reference,
      )
  }
}

function explained(text: string, read: () => Stored): Stored {
  try {
    return read()
  } catch (err) {
    if (!(err instanceof SecretStoreError)) throw err
    throw new SecretReferenceError(`${text}: ${err.message}`, { cause: err })
  }
}
