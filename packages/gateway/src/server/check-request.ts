// Hot path.
import { METHODS, type IncomingMessage } from 'node:http'

export type Refusal = '400 Bad Request' | '501 Not Implemented' | '505 HTTP Version Not Supported'

/** The parser also takes those of RTSP. */
const OF_HTTP: ReadonlySet<string> = new Set(METHODS)

/**
 * Why a request is not served that Node's parser lets through, or null: it is.
 *
 * Whatever two parties could read differently stops here (RFC 9112, sections 2.3, 3.2, 6.1 and 6.3): other protocols, a
 * coding beneath `chunked`, which would be lost on the way, any coding in HTTP/1.0, and lengths that are not exact as
 * numbers.
 */
export function refusalOf(request: IncomingMessage): Refusal | null {
  const { headers, httpVersion } = request
  const is11 = httpVersion === '1.1'
  if (!is11 && httpVersion !== '1.0') return '505 HTTP Version Not Supported'
  if (!OF_HTTP.has(request.method ?? '') || (is11 && headers.host === undefined)) return '400 Bad Request'
  const coding = headers['transfer-encoding']
  if (coding !== undefined) {
    if (!is11) return '400 Bad Request'
    if (coding.toLowerCase() !== 'chunked') return '501 Not Implemented'
  }
  const length = headers['content-length']
  return length === undefined || Number.isSafeInteger(Number(length)) ? null : '400 Bad Request'
}
