/**
 * References to secrets in configuration texts: `kv://store/path#field` as the whole value, or `$kv{store:path#field}`
 * inside it. They are resolved once, at start.
 */
import { readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { ConfigReport } from './report.ts'

export type Resolve = (text: string) => string

/** Looks a path up in one store; undefined when it is not there. */
type Store = (path: string) => unknown

const WHOLE = /^kv:\/\/([^/]+)\/([^#]+)(?:#(.*))?$/s
const INLINE = /\$kv\{([^:}]+):([^}#]+)(?:#([^}]*))?\}/g

/** Builds the resolver for the declared stores. A store that cannot be used is a problem, whether it is referred to or not. */
export function createResolver(stores: unknown, env: NodeJS.ProcessEnv, report: ConfigReport): Resolve {
  const byName = new Map<string, Store>()
  for (const [name, declared] of Object.entries(asObject(stores))) {
    try {
      byName.set(name, createStore(asObject(declared), env))
    } catch (error) {
      report.problems.push({ key: `kv.stores.${name}`, env: 'TYK_PMP_KV_STORES', message: (error as Error).message })
    }
  }
  const lookUp = (store: string, path: string, field: string | undefined): string => {
    if (Object.keys(asObject(stores)).length === 0) {
      throw new Error('Failed to resolve config: config contains KV references but no stores are configured')
    }
    const found = byName.get(store)?.(path)
    const value = found === undefined || field === undefined ? found : fieldOf(found, field)
    if (value === undefined) throw new Error(`nothing is stored under ${path} in the kv store ${store}`)
    return asText(value)
  }
  return (text) => {
    if (text.startsWith('kv://')) {
      const [, store, path, field] = WHOLE.exec(text) ?? []
      if (store === undefined || path === undefined)
        throw new Error('expected kv://store/path or kv://store/path#field')
      return lookUp(store, path, field)
    }
    return text.replaceAll(INLINE, (_, store: string, path: string, field?: string) => lookUp(store, path, field))
  }
}

function createStore(declared: Record<string, unknown>, env: NodeJS.ProcessEnv): Store {
  const config = asObject(declared['config'])
  switch (declared['type']) {
    case 'inline': {
      const data = asObject(config['data'])
      return (path) => (Object.hasOwn(data, path) ? data[path] : undefined)
    }
    case 'env':
      return createEnvStore(config, env)
    case 'file':
      return createFileStore(config)
    default:
      throw new Error(`type ${String(declared['type'])} is not supported: use inline, env or file`)
  }
}

function createEnvStore(config: Record<string, unknown>, env: NodeJS.ProcessEnv): Store {
  const { prefix, uppercase } = config
  if (typeof prefix !== 'string' || prefix === '') throw new Error('an env store needs a prefix')
  return (path) => env[prefix + (uppercase === true ? path.toUpperCase() : path)]
}

function createFileStore(config: Record<string, unknown>): Store {
  const base = config['base_path']
  if (typeof base !== 'string' || !isAbsolute(base)) throw new Error('a file store needs an absolute base_path')
  return (path) => {
    if (isAbsolute(path) || path.split(/[\\/]/).includes('..')) throw new Error(`${path} leaves the kv store's folder`)
    try {
      return readFileSync(join(base, path), 'utf8').replace(/\r?\n$/, '')
    } catch {
      return undefined
    }
  }
}

/** The value a JSON Pointer names in a secret that is JSON; the leading slash may be left out. */
function fieldOf(secret: unknown, pointer: string): unknown {
  let value = typeof secret === 'string' ? parseSecret(secret) : secret
  for (const part of pointer.replace(/^\//, '').split('/')) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

function parseSecret(secret: string): unknown {
  try {
    return JSON.parse(secret)
  } catch {
    throw new Error('a reference names a field, but the secret is not JSON')
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}
