import { fastify } from 'fastify'
import { createPipelineReader } from '../pipeline/index.ts'
import { createLog } from '../log.ts'
import type { Store } from '../store/types.ts'
import { registerApi } from './index.ts'
import { StoreHealth } from './store-health.ts'

/** The OpenAPI document of the API, of which no route is called: it needs no store. */
export async function openApiDocument(): Promise<object> {
  const app = fastify()
  await registerApi(app, {
    store: {} as Store,
    health: new StoreHealth(Date.now),
    pipeline: createPipelineReader({ pumpUrl: '', redisUrl: '' }),
    traffic: null,
    gatewayUrl: null,
    timeoutMs: 1,
    log: createLog('fatal', process.stderr),
    now: Date.now,
  })
  await app.ready()
  const document = app.swagger()
  await app.close()
  return document
}
