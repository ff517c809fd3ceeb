/** The JSON API below `/api/v1`: one file per view, described by the schemas in `schema.ts`. */
import swagger from '@fastify/swagger'
import type { FastifyInstance, RouteOptions } from 'fastify'
import type { TObject } from 'typebox'
import { version } from '../version.ts'
import { aboutRoute } from './about.ts'
import { type ApiDeps, createContext } from './context.ts'
import { countriesRoute } from './countries.ts'
import { errorsRoute } from './errors.ts'
import { exportRoute } from './export.ts'
import { overviewRoute } from './overview.ts'
import { pipelineRoute } from './pipeline.ts'
import { requestRoutes } from './requests.ts'
import * as schemas from './schema.ts'
import { trafficRoute } from './traffic.ts'
import { valuesRoute } from './values.ts'

const ANSWERS = { ...schemas } as Readonly<Record<string, TObject>>

const ROUTES = [
  aboutRoute,
  overviewRoute,
  requestRoutes,
  errorsRoute,
  countriesRoute,
  pipelineRoute,
  valuesRoute,
  exportRoute,
  trafficRoute,
]

/** Adds the API and `/api/v1/openapi.json`. */
export async function registerApi(app: FastifyInstance, deps: ApiDeps): Promise<void> {
  for (const [name, schema] of Object.entries(ANSWERS)) app.addSchema({ ...schema, $id: name })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tek explorer',
        version,
        description: 'What the page asks. Times are UTC, durations milliseconds.',
      },
    },
    refResolver: { buildLocalReference: (json) => json['$id'] as string },
    transform: ({ schema, url }) => ({ schema: describe(schema), url }),
  })
  const context = createContext(deps)
  await app.register(
    (api, _, done) => {
      api.addHook('onRoute', refuseUnknownParameters)
      for (const add of ROUTES) add(api, context)
      api.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
      done()
    },
    { prefix: '/api/v1' },
  )
}

/** Whoever writes `form=now-1h` is told, and does not take another range's numbers for that one's. */
function refuseUnknownParameters(route: RouteOptions): void {
  const { querystring } = route.schema ?? {}
  if (querystring === undefined) return
  route.schema = { ...route.schema, querystring: { ...querystring, additionalProperties: false } }
}

/** Every operation may answer a problem; none is written out by its schema, since errors come from everywhere. */
function describe(schema: unknown): object {
  const { response, ...rest } = (schema ?? {}) as { readonly response?: object }
  // The page itself is not part of the API.
  if (response === undefined) return { hide: true }
  return { ...rest, response: { ...response, default: { $ref: 'Problem#' } } }
}
