import { hash } from 'node:crypto'
import type { ApiDefinition } from '../../api-definition/schema.ts'
import { BoundedMap } from '../../auth/bounded-map.ts'
import { identityOf } from '../../auth/tokens/identity.ts'
import { createWorkQueue } from '../../auth/work-queue.ts'
import type { Connections } from '../../external-services/index.ts'
import { isObject } from '../../session/go-json.ts'

export type IntrospectionOptions = ApiDefinition['external_oauth']['providers'][number]['introspection']

/** What the issuer says about a token. */
export type Introspected =
  | { readonly kind: 'active'; readonly identity: string; readonly expiresSeconds: number }
  | { readonly kind: 'inactive' }

/** Asks the issuer of tokens about them, RFC 7662. */
export interface Introspection {
  /** What is remembered about a token; undefined: the issuer has to be asked. */
  peek(token: string): Introspected | undefined
  /**
   * Rejects when the issuer gives no usable answer in time.
   *
   * @throws WorkRefusedError (rejects) when too many questions wait.
   */
  ask(token: string): Promise<Introspected>
}

const TIMEOUT_MS = 10_000
const MAX_BYTES = 256 * 1024
const MAX_REMEMBERED = 8192
/** Strangers can have the issuer asked: not more at once than it should bear. */
const QUEUE = { parallel: 64, maxWaiting: 2000, maxWaitMs: TIMEOUT_MS }
/** For a token that does not say when it expires, and a definition that does not say how long to remember it. */
const DEFAULT_CACHE_MS = 60_000

interface Remembered {
  readonly result: Introspected
  readonly untilMs: number
}

/** Answers are remembered in this process only: in Redis tokens would lie about as they are. */
export function createIntrospection(
  options: IntrospectionOptions,
  now: () => number,
  connections: Pick<Connections, 'dispatcherFor'>,
): Introspection {
  const queue = createWorkQueue(QUEUE)
  const remembered = new BoundedMap<string, Remembered>(MAX_REMEMBERED)
  const running = new Map<string, Promise<Introspected>>()
  const nameOf = (token: string): string => hash('sha256', token, 'base64')

  async function askNow(token: string, name: string): Promise<Introspected> {
    const result = readAnswer(await queue.run(() => post(token, options, connections)), options.identity_base_field)
    if (options.cache.enabled) remembered.set(name, { result, untilMs: rememberUntil(result) })
    return result
  }

  function rememberUntil(result: Introspected): number {
    const expiresMs = result.kind === 'active' ? result.expiresSeconds * 1000 : Infinity
    if (options.cache.timeout > 0) return Math.min(expiresMs, now() + options.cache.timeout * 1000)
    return expiresMs === Infinity ? now() + DEFAULT_CACHE_MS : expiresMs
  }

  return {
    peek(token) {
      if (!options.cache.enabled) return undefined
      const known = remembered.get(nameOf(token))
      return known !== undefined && now() < known.untilMs ? known.result : undefined
    },
    ask(token) {
      const name = nameOf(token)
      let question = running.get(name)
      if (question === undefined) {
        question = askNow(token, name).finally(() => running.delete(name))
        running.set(name, question)
      }
      return question
    },
  }
}

async function post(
  token: string,
  { url, client_id, client_secret }: IntrospectionOptions,
  connections: Pick<Connections, 'dispatcherFor'>,
): Promise<string> {
  // Loaded with the first question: it needs 100 ms, and most gateways ask none.
  const { fetch } = await import('undici')
  const response = await fetch(url, {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ token, client_id, client_secret }).toString(),
    // The secret is for this server and no other.
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    dispatcher: await connections.dispatcherFor(new URL(url)),
  })
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length
    if (size > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`)
    chunks.push(chunk as Uint8Array)
  }
  if (response.status !== 200) throw new Error(`status ${response.status}`)
  return Buffer.concat(chunks).toString('utf8')
}

/** @throws when the answer does not say whether the token is active, whose it is, or until when in a way to understand. */
function readAnswer(text: string, identityField: string): Introspected {
  const answer: unknown = JSON.parse(text)
  if (!isObject(answer) || typeof answer['active'] !== 'boolean') throw new Error('the answer lacks "active"')
  if (!answer['active']) return { kind: 'inactive' }
  const identity = identityOf(answer, identityField)
  if ('error' in identity) throw new Error(identity.error.message)
  return { kind: 'active', identity: identity.id, expiresSeconds: expiryOf(answer['exp']) }
}

/** Infinity when the answer names none; what cannot be understood must not mean for ever. */
function expiryOf(exp: unknown): number {
  if (exp === undefined || exp === null) return Infinity
  if (typeof exp !== 'number') throw new Error('"exp" is no number')
  return exp
}
