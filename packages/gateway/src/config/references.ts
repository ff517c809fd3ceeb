import { readFileSync, realpathSync } from 'node:fs'
import { isAbsolute, resolve, sep } from 'node:path'

/** Where references find their values. */
export interface ReferenceSources {
  readonly env: NodeJS.ProcessEnv
  readonly secrets: Readonly<Record<string, string>>
  /** `kv.file.base_path`; empty when there is none. */
  readonly basePath: string
  readonly cwd: string
}

export type Resolved = { readonly value: string } | { readonly problem: string }

/**
 * Resolves a value that is a reference as a whole; any other value is its own.
 *
 * An `env://` name without a variable is the empty text, as in Tyk; every other failure is a problem. The value itself
 * never appears in one.
 */
export function resolveReference(text: string, sources: ReferenceSources): Resolved {
  const [, scheme, rest = ''] = /^(env|secrets|file|consul|vault|kv):\/\/(.*)$/s.exec(text) ?? []
  switch (scheme) {
    case 'env':
      return { value: sources.env[`TYK_SECRET_${rest.toUpperCase()}`] ?? '' }
    case 'secrets':
      return Object.hasOwn(sources.secrets, rest)
        ? { value: sources.secrets[rest] ?? '' }
        : { problem: `secrets://${rest}: the secrets map has no such key` }
    case 'file':
      return fromFile(rest, sources)
    case undefined:
      return text.includes('$kv{') ? unsupported('$kv{}') : { value: text }
    default:
      return unsupported(`${scheme}://`)
  }
}

function unsupported(form: string): Resolved {
  return {
    problem: `references of the form ${form} are not supported in this version; use env://, secrets:// or file://`,
  }
}

function fromFile(path: string, { basePath, cwd }: ReferenceSources): Resolved {
  const refuse = (reason: string): Resolved => ({ problem: `file://${path}: ${reason}` })
  if (basePath === '') return refuse('kv.file.base_path is not set')
  if (isAbsolute(path) || path.split('/').includes('..')) return refuse('the path must stay below kv.file.base_path')
  try {
    const base = realpathSync(resolve(cwd, basePath))
    const file = realpathSync(resolve(base, path))
    if (!file.startsWith(base.endsWith(sep) ? base : base + sep)) {
      return refuse('the link leads out of kv.file.base_path')
    }
    return { value: readFileSync(file, 'utf8') }
  } catch (err) {
    return refuse(`cannot be read (${(err as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  }
}
