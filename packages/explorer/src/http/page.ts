import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ProblemError } from '../errors.ts'
import { sendProblem } from './send-problem.ts'

const NOT_BUILT = `The page is not built yet. In the project's folder:

  npm run build

The API is there all the same: /api/v1/about, /api/v1/openapi.json
`

/**
 * Serves the page that Vite has built: its files, and for every other path the page itself, which reads the path as its own
 * state.
 *
 * @param folder - Looked into at each start; without it a text says what to do.
 */
export async function addPage(app: FastifyInstance, folder: string): Promise<void> {
  const index = join(folder, 'index.html')
  const isBuilt = existsSync(index)
  if (isBuilt) {
    await app.register(fastifyStatic, {
      root: folder,
      index: false,
      wildcard: false,
      cacheControl: false,
      // Names of assets change with their content.
      setHeaders: (reply, path) => {
        const isAsset = path.startsWith(join(folder, 'assets'))
        reply.header('cache-control', isAsset ? 'public, max-age=31536000, immutable' : 'no-cache')
      },
    })
  }
  const page = isBuilt ? readFileSync(index, 'utf8') : NOT_BUILT
  const type = isBuilt ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8'

  app.setNotFoundHandler((request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?')[0] ?? '/'
    const isView = (request.method === 'GET' || request.method === 'HEAD') && /^\/[\w-]*\/?$/.test(path)
    if (isView && path !== '/api')
      return reply
        .code(isBuilt ? 200 : 503)
        .header('cache-control', 'no-cache')
        .type(type)
        .send(page)
    return sendProblem(
      reply,
      new ProblemError(404, 'not_found', 'there is nothing at this path', 'see /api/v1/openapi.json'),
    )
  })
}
