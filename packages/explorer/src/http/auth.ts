import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { ProblemError } from '../errors.ts'

export interface Credentials {
  /** Empty: no basic authentication by name. */
  readonly username: string
  readonly password: string
  /** Empty: none. */
  readonly token: string
}

/** Health checks have no credentials. */
const OPEN_PATHS = new Set(['/health'])

/** Asks for credentials on every path but `/health`, when any are configured. */
export function addAuth(app: FastifyInstance, { username, password, token }: Credentials): void {
  const accepted: Buffer[] = []
  if (password !== '') accepted.push(digest(`basic ${username}:${password}`))
  if (token !== '') accepted.push(digest(`bearer ${token}`))
  if (accepted.length === 0) return
  app.addHook('onRequest', async (request, reply) => {
    if (OPEN_PATHS.has(request.url)) return
    const given = readAuthorization(request.headers.authorization ?? '').map(digest)
    // All are compared, each in constant time.
    const matches = accepted.flatMap((one) => given.map((other) => timingSafeEqual(one, other)))
    if (matches.includes(true)) return
    reply.header('www-authenticate', 'Basic realm="Tek explorer", charset="UTF-8"')
    throw new ProblemError(
      401,
      'unauthorised',
      'credentials are missing or wrong',
      'send user and password, or the token',
    )
  })
}

/** Of one length, whatever was sent. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/**
 * What a header may mean. A browser can only ask for user and password, so there the token may be the password of any user.
 */
function readAuthorization(header: string): string[] {
  const [, scheme = '', value = ''] = /^(basic|bearer) +(\S+)$/i.exec(header) ?? []
  if (scheme.toLowerCase() === 'bearer') return [`bearer ${value}`]
  if (scheme === '') return []
  const pair = Buffer.from(value, 'base64').toString('utf8')
  return [`basic ${pair}`, `bearer ${pair.slice(pair.indexOf(':') + 1)}`]
}
