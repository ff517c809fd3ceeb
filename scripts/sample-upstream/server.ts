/**
 * A small upstream with httpbin's endpoints, so that the walkthrough needs no network. The container stack uses the
 * real httpbin; what both answer has the same shape.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { echo, formatJson, origin, requestHeaders } from './echo.ts'

const MAX_DELAY_SECONDS = 10
const MAX_BYTES = 100 * 1024
const MAX_LINES = 100
const BODY_LIMIT = 64 * 1024 * 1024
const REDIRECTS = new Set([301, 302, 303, 305, 307])

/** What httpbin answers with where it has nothing. */
const NOT_FOUND = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">
<title>404 Not Found</title>
<h1>Not Found</h1>
<p>The requested URL was not found on the server.  If you entered the URL manually please check your spelling and try again.</p>
`

const PAGE = `<!DOCTYPE html>
<html>
  <head><title>Sample upstream</title></head>
  <body><h1>Sample upstream</h1><p>A page to fetch through the gateway.</p></body>
</html>
`

/** Builds the server; the caller listens and closes. */
export function createSampleUpstream(): FastifyInstance {
  const app = fastify({ bodyLimit: BODY_LIMIT, forceCloseConnections: true, exposeHeadRoutes: true })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('access-control-allow-origin', request.headers.origin ?? '*')
    reply.header('access-control-allow-credentials', 'true')
    done()
  })
  addEchoRoutes(app)
  addStatusRoutes(app)
  addFactRoutes(app)
  addBodyRoutes(app)
  app.setNotFoundHandler((_request, reply) => reply.code(404).type('text/html').send(NOT_FOUND))
  return app
}

function addEchoRoutes(app: FastifyInstance): void {
  app.get('/get', async (request, reply) => sendJson(reply, await echo(request, false)))
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
    app.route({
      method,
      url: `/${method.toLowerCase()}`,
      handler: async (request, reply) => sendJson(reply, await echo(request, true)),
    })
  }
  const anything = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
    sendJson(reply, { ...(await echo(request, true)), method: request.method })
  app.all('/anything', anything)
  app.all('/anything/*', anything)
}

function addStatusRoutes(app: FastifyInstance): void {
  app.all<{ Params: { codes: string } }>('/status/:codes', (request, reply) => {
    const code = pickStatus(request.params.codes)
    if (code === undefined) return reply.code(400).type('text/plain').send('Invalid status code')
    if (REDIRECTS.has(code)) reply.header('location', '/redirect/1')
    return reply.code(code).type('text/html; charset=utf-8').send('')
  })
}

function addFactRoutes(app: FastifyInstance): void {
  app.get('/headers', (request, reply) => sendJson(reply, { headers: requestHeaders(request) }))
  app.get('/ip', (request, reply) => sendJson(reply, { origin: origin(request) }))
  app.get('/user-agent', (request, reply) => sendJson(reply, { 'user-agent': request.headers['user-agent'] ?? null }))
  app.get('/uuid', (_request, reply) => sendJson(reply, { uuid: randomUUID() }))
  app.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(PAGE))
  app.get('/html', (_request, reply) => reply.type('text/html; charset=utf-8').send(PAGE))
}

function addBodyRoutes(app: FastifyInstance): void {
  app.all<{ Params: { seconds: string } }>('/delay/:seconds', async (request, reply) => {
    const seconds = Math.min(Number(request.params.seconds), MAX_DELAY_SECONDS)
    if (!(seconds >= 0)) return reply.code(400).send()
    await delay(seconds * 1000)
    return sendJson(reply, await echo(request, true))
  })
  app.get<{ Params: { n: string } }>('/bytes/:n', (request, reply) => {
    const size = countOf(request.params.n, MAX_BYTES)
    return reply.type('application/octet-stream').send(randomBytes(size))
  })
  app.get<{ Params: { n: string } }>('/stream/:n', async (request, reply) => {
    const lines = countOf(request.params.n, MAX_LINES)
    const body = await echo(request, false)
    const stream = Readable.from(Array.from({ length: lines }, (_, id) => `${JSON.stringify({ id, ...body })}\n`))
    return reply.type('application/json').send(stream)
  })
}

function sendJson(reply: FastifyReply, value: Record<string, unknown>): FastifyReply {
  return reply.type('application/json').send(formatJson(value))
}

/** `500`, or one of `200,500`, or by weight of `200:0.9,500:0.1`. */
function pickStatus(codes: string): number | undefined {
  const choices = codes.split(',').map((choice) => {
    const [code, weight = '1'] = choice.split(':')
    return { code: Number(code), weight: Number(weight) }
  })
  if (!choices.every(({ code, weight }) => Number.isInteger(code) && code >= 200 && code <= 599 && weight >= 0))
    return undefined
  let left = Math.random() * choices.reduce((sum, { weight }) => sum + weight, 0)
  for (const { code, weight } of choices) {
    left -= weight
    if (left < 0) return code
  }
  return choices.at(-1)?.code
}

function countOf(text: string, most: number): number {
  const count = Math.trunc(Number(text))
  return Number.isFinite(count) ? Math.min(Math.max(count, 0), most) : 0
}
