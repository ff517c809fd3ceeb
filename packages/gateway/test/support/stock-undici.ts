import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type * as Undici from 'undici'

const PACKAGES = ['@fastify/http-proxy', '@fastify/reply-from', 'undici'] as const

/** The undici that carries the requests of the bench's stock peer: @fastify/reply-from brings a version of its own. */
export function loadStockUndici(): { readonly version: string; readonly undici: typeof Undici } {
  let file = fileURLToPath(new URL('../../../../bench/peers/stock-http-proxy.mjs', import.meta.url))
  for (const name of PACKAGES) file = createRequire(file).resolve(name)
  const load = createRequire(file)
  const { version } = load('undici/package.json') as { version: string }
  return { version, undici: load('undici') as typeof Undici }
}
