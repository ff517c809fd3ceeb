import type { ServerResponse } from 'node:http'
import type { RequestContext } from '../chain/context.ts'
import type { Answer } from '../chain/types.ts'
import type { ErrorRow } from './catalogue.ts'
import { statusText } from './status-text.ts'
import type { ErrorTemplates } from './templates.ts'

export interface ErrorAnswerOptions {
  readonly templates: ErrorTemplates
  readonly hideGeneratorHeader: boolean
  readonly closeConnections: boolean
  /** Message and status that `override_messages` puts in place of a catalogue row's. */
  override(row: ErrorRow): ErrorRow
}

/** Writes a gateway error in the form the request's Content-Type asks for and returns the status sent. */
export function writeErrorAnswer(
  ctx: RequestContext,
  row: ErrorRow,
  options: ErrorAnswerOptions,
  headers: readonly string[] = [],
): number {
  const { status, message } = options.override(row)
  const { contentType, body } = options.templates.render(status, message, ctx.headers.get('Content-Type'))
  const pairs = [...ctx.answerHeaders, ...headers, 'Content-Type', contentType]
  if (!options.hideGeneratorHeader) pairs.push('X-Generator', 'tyk.io')
  if (options.closeConnections) pairs.push('Connection', 'close')
  ctx.messages?.onErrorAnswer(status, pairs.slice(ctx.answerHeaders.length), body)
  writeWhole(ctx.response, status, pairs, body)
  return status
}

export function writeReply(ctx: RequestContext, answer: Extract<Answer, { kind: 'reply' }>): void {
  writeWhole(ctx.response, answer.status, [...ctx.answerHeaders, ...answer.headers], answer.body)
}

/** Sends an answer whose body is known. */
export function writeWhole(response: ServerResponse, status: number, pairs: string[], body: string | Uint8Array): void {
  if (response.headersSent || response.destroyed) return
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body
  // An answer of these statuses has no body and says no length.
  if (status !== 204 && status !== 304) pairs.push('Content-Length', String(bytes.length))
  writeHead(response, status, pairs)
  response.end(bytes)
}

/**
 * Writes status line and headers as given.
 *
 * Node would add `Connection: keep-alive` and `Keep-Alive` to every answer; taking `connection` away first leaves them
 * out while the connection stays open. A client that will not reuse it is told so, as Go does. Reason phrases are Go's.
 */
export function writeHead(response: ServerResponse, status: number, pairs: string[]): void {
  if (response.shouldKeepAlive) response.removeHeader('connection')
  response.writeHead(status, statusText(status), lengthBehindDisposition(pairs))
}

/**
 * Behind a `Content-Length`, Node makes other bytes of a `Content-Disposition`, or throws: it takes the value for Latin-1, and
 * then for UTF-8. So the length comes last where there is one.
 */
function lengthBehindDisposition(pairs: string[]): string[] {
  let length = -1
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i] as string
    if (name.length === 14 && name.toLowerCase() === 'content-length') length = i
    else if (length !== -1 && name.length === 19 && name.toLowerCase() === 'content-disposition') {
      return [...pairs.slice(0, length), ...pairs.slice(length + 2), ...pairs.slice(length, length + 2)]
    }
  }
  return pairs
}
