/** What stands at one place of a store: a text, or values by name. */
export type Stored = string | Readonly<Record<string, unknown>>

/** A place that is read as a whole: a key or folder (with a slash at its end) of Consul, a secret of Vault, a file. */
export interface StoredPlace {
  readonly store: 'consul' | 'vault' | 'file'
  readonly path: string
}

/** One store of secrets. */
export interface SecretStore {
  /** @throws SecretStoreError */
  read(path: string): Promise<Stored>
  close(): Promise<void>
}

/**
 * Why a place could not be read.
 *
 * - `missing`: the store says that nothing is there.
 * - `refused`: it answers, though not with what was asked for: no permission, an unexpected form.
 * - `busy`: it answers that it cannot just now.
 * - `away`: it does not answer.
 */
export type Failure = 'missing' | 'refused' | 'busy' | 'away'

/** A place could not be read. The message names what was answered and the cure, and never holds a secret. */
export class SecretStoreError extends Error {
  readonly code = 'GATEWAY_SECRET_STORE'
  readonly failure: Failure

  constructor(failure: Failure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.failure = failure
  }
}
