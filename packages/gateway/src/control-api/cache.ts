import { statusAnswer } from './answer.ts'
import type { Resource } from './routes.ts'

export interface CacheDeps {
  /** null: of every API. */
  invalidateJwks(apiId: string | null): Promise<void>
}

const INVALIDATED = statusAnswer(200, 'cache invalidated')

/** What may be forgotten on request, and the health counters, which are not in force. */
export function cacheResources(deps: CacheDeps): Resource[] {
  const forgetKeys = async (apiId: string | null): Promise<typeof INVALIDATED> => {
    await deps.invalidateJwks(apiId)
    return INVALIDATED
  }
  return [
    { path: '/tyk/cache/jwks', methods: { DELETE: () => forgetKeys(null) } },
    { path: '/tyk/cache/jwks/:id', methods: { DELETE: ({ params }) => forgetKeys(params['id'] ?? '') } },
    // Responses are not cached in this version: there is nothing of an API that could be left over.
    { path: '/tyk/cache/:id', methods: { DELETE: () => INVALIDATED } },
    { path: '/tyk/health', methods: { GET: () => statusAnswer(400, 'Health checks are not enabled for this node') } },
  ]
}
