import http from 'node:http'
import https from 'node:https'
import type { Target } from './target.ts'

/** Sends one request as a load generator would. @returns Its status, or 0 when nobody answered. */
function probe({ url, method = 'GET', headers = {}, bodyBytes = 0 }: Target): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const options = { method, headers, agent: false as const, rejectUnauthorized: false }
  const request = (url.startsWith('https') ? https : http).request(url.replace('{}', '0000'), options, (response) => {
    response.resume()
    response.on('end', () => resolve(response.statusCode ?? 0))
    response.on('error', () => resolve(0))
  })
  request.on('error', () => resolve(0))
  request.end(bodyBytes > 0 ? 'x'.repeat(bodyBytes) : undefined)
  return promise
}

/** Why a target does not answer 200, or null. */
export async function unlessOk(target: Target): Promise<string | null> {
  const status = await probe(target)
  return status === 200 ? null : `${target.url} answers ${status}`
}
