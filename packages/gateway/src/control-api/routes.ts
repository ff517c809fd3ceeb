import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { writeWhole } from '../errors/respond.ts'
import { VERSION } from '../version.ts'
import { send, sendPlain, statusAnswer, type ControlAnswer } from './answer.ts'
import { cacheResources, type CacheDeps } from './cache.ts'
import { apiResources, type ApisDeps } from './apis.ts'
import { certificateResources, type CertificatesDeps } from './certificates.ts'
import type { ClientGuard } from './client-guard.ts'
import { keyResources, type KeysDeps } from './keys.ts'
import { controlApiDocument } from './openapi.ts'
import { organisationResources, type OrganisationsDeps } from './organisations.ts'
import { policyResources, type PoliciesDeps } from './policies.ts'
import { reloadResources, type ReloadDeps } from './reload.ts'

export interface ControlRequest {
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly body: string
}

export type ControlHandler = (request: ControlRequest) => ControlAnswer | Promise<ControlAnswer>

/** One path below /tyk/ and what may be done with it. */
export interface Resource {
  readonly path: string
  readonly methods: Readonly<Record<string, ControlHandler>>
}

export interface ControlApiDeps
  extends ApisDeps, CacheDeps, CertificatesDeps, KeysDeps, OrganisationsDeps, PoliciesDeps, ReloadDeps {
  /** Value of X-Tyk-Authorization. */
  readonly secret: string
  /** Null: no certificate is asked for. */
  readonly guard: ClientGuard | null
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

/**
 * Registers the control API. Every request that Fastify gets needs the secret, also one for a path that does not exist;
 * only the routes of `open` do not. The route that was found decides, never the text of the URL, which can be written in
 * many ways. Where clients need a certificate it is looked at first: without one nobody may try secrets.
 *
 * @param open - Paths of the health routes.
 */
export function registerControlApi(fastify: FastifyInstance, deps: ControlApiDeps, open: ReadonlySet<string>): void {
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => done(null, body))
  const { guard } = deps
  if (guard !== null) {
    fastify.addHook('onRequest', async (request, reply) => {
      const { socket } = request.raw
      if (isOpen(request, open) && !guard.coversAll(socket)) return
      const message = await guard.refusal(socket)
      if (message !== null) send(reply, statusAnswer(403, message))
    })
  }
  fastify.addHook('onRequest', (request, reply, done) => {
    if (isOpen(request, open) || secretMatches(request.headers['x-tyk-authorization'], deps.secret)) {
      done()
      return
    }
    deps.log.warn({ prefix: 'main' }, 'Attempted administrative access with invalid or missing key!')
    send(reply, statusAnswer(403, 'Attempted administrative access with invalid or missing key!'))
  })
  fastify.get('/tyk/', (_, reply) => {
    reply.hijack()
    writeWhole(reply.raw, 301, ['Location', '/'], '')
  })
  for (const resource of controlResources(deps)) {
    fastify.route({
      method: [...METHODS],
      url: resource.path,
      handler: (request, reply) => answer(resource, request, reply),
    })
  }
  fastify.setNotFoundHandler((_, reply) => sendPlain(reply, 404, '404 page not found\n'))
  fastify.setErrorHandler((err, _, reply) => {
    const status = (err as { statusCode?: number }).statusCode ?? 500
    if (status >= 500) deps.log.error({ err, prefix: 'api' }, 'A control API request failed')
    send(reply, statusAnswer(status, status >= 500 ? 'Internal Server Error' : 'Request malformed'))
  })
}

/** All that is served. Each path and method has an entry in `openapi.ts`. */
export function controlResources(deps: ControlApiDeps): Resource[] {
  const document = controlApiDocument(VERSION)
  return [
    { path: '/tyk/openapi.json', methods: { GET: () => ({ status: 200, json: document }) } },
    ...reloadResources(deps),
    ...apiResources(deps),
    ...keyResources(deps),
    ...organisationResources(deps),
    ...certificateResources(deps),
    ...policyResources(deps),
    ...cacheResources(deps),
  ]
}

/** A health route, or a path at which there is nothing: below /tyk/ even that is not told without the secret. */
function isOpen(request: FastifyRequest, open: ReadonlySet<string>): boolean {
  const { url } = request.routeOptions
  return url === undefined ? !request.url.startsWith('/tyk/') : open.has(url)
}

/** In constant time: the digests have one length whatever came. */
function secretMatches(given: string | string[] | undefined, secret: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return typeof given === 'string' && timingSafeEqual(digest(given), digest(secret))
}

async function answer(resource: Resource, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const handler = resource.methods[request.method]
  if (handler === undefined) {
    send(reply, statusAnswer(405, 'Method not supported'))
    return
  }
  const question = request.url.indexOf('?')
  send(
    reply,
    await handler({
      params: request.params as Record<string, string>,
      query: new URLSearchParams(question === -1 ? '' : request.url.slice(question + 1)),
      body: typeof request.body === 'string' ? request.body : '',
    }),
  )
}
