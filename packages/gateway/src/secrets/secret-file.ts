import { readFileSync, realpathSync, statSync } from 'node:fs'
import { isAbsolute, resolve, sep } from 'node:path'
import { SecretStoreError } from './store.ts'

export interface FileOptions {
  /** `kv.file.base_path`; empty when there is none. */
  readonly basePath: string
  readonly cwd: string
}

const MAX_BYTES = 1024 * 1024

/**
 * The content of a file below `kv.file.base_path`, without the line break that editors put at the end.
 *
 * @throws SecretStoreError when there is none, or when it is outside of the folder.
 */
export function readSecretFile(path: string, { basePath, cwd }: FileOptions): string {
  const refuse = (reason: string): SecretStoreError => new SecretStoreError('refused', reason)
  if (basePath === '') throw refuse('kv.file.base_path (TYK_GW_KV_FILE_BASEPATH) is not set')
  if (isAbsolute(path) || path.split('/').includes('..')) throw refuse('the path must stay below kv.file.base_path')
  try {
    const base = realpathSync(resolve(cwd, basePath))
    const file = realpathSync(resolve(base, path))
    if (!file.startsWith(base.endsWith(sep) ? base : base + sep)) {
      throw refuse('the link leads out of kv.file.base_path')
    }
    const stats = statSync(file)
    // Reading a pipe would wait until somebody writes into it.
    if (!stats.isFile()) throw refuse('it is not a file')
    if (stats.size > MAX_BYTES) throw refuse(`the file has more than ${MAX_BYTES} bytes`)
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (err) {
    if (err instanceof SecretStoreError) throw err
    const code = (err as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new SecretStoreError(code === 'ENOENT' ? 'missing' : 'refused', `cannot be read (${code})`, { cause: err })
  }
}
