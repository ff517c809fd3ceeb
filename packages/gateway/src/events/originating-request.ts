import type { ApiDefinition } from '../api-definition/schema.ts'
import type { RequestContext } from '../chain/context.ts'

/** What of a request's head must not leave the gateway with its events. */
export interface Redaction {
  /** In lower case. */
  readonly headers: ReadonlySet<string>
  readonly parameters: ReadonlySet<string>
}

const SECRET_HEADERS = ['authorization', 'proxy-authorization', 'cookie', 'x-tyk-authorization']
const REDACTED = '[redacted]'
/** What an event keeps of a head: it may have to wait, with a thousand others. */
const MAX_HEAD_BYTES = 16 * 1024

/** The places that credentials of an API are read from, whether its way of authentication uses them or not. */
export function redactionOf({ auth, auth_configs: configs }: ApiDefinition): Redaction {
  const all = [auth, ...Object.values(configs)]
  const headers = all.flatMap((config) => [config.auth_header_name, config.signature.header])
  const parameters = all.flatMap((config) => [config.param_name, config.signature.param_name])
  const named = (names: readonly string[]): string[] => names.filter((name) => name !== '')
  return {
    headers: new Set([...SECRET_HEADERS, ...named(headers).map((name) => name.toLowerCase())]),
    // Without a name of its own the parameter goes by the header's.
    parameters: new Set(named(['Authorization', ...parameters, ...headers])),
  }
}

/**
 * The head of a request as it was received, in HTTP/1.1 form and base64, without credentials: their values are
 * `[redacted]`. Reads nothing that steps change. A long one is cut.
 */
export function originatingRequest({ request }: RequestContext, redaction: Redaction): string {
  let head = `${request.method ?? 'GET'} ${withoutCredentials(request.url ?? '/', redaction)} HTTP/1.1\r\n`
  const { rawHeaders } = request
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i] as string, rawHeaders[i + 1] as string]
    if (name.startsWith(':')) continue
    head += `${name}: ${redaction.headers.has(name.toLowerCase()) ? REDACTED : value}\r\n`
  }
  return Buffer.from(`${head.slice(0, MAX_HEAD_BYTES)}\r\n`, 'latin1').toString('base64')
}

function withoutCredentials(target: string, { parameters }: Redaction): string {
  const question = target.indexOf('?')
  if (question === -1) return target
  const items = target.slice(question + 1).split('&')
  const kept = items.map((item) => {
    const equals = item.indexOf('=')
    return equals !== -1 && parameters.has(decoded(item.slice(0, equals)))
      ? `${item.slice(0, equals)}=${REDACTED}`
      : item
  })
  return `${target.slice(0, question)}?${kept.join('&')}`
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '))
  } catch {
    return name
  }
}
