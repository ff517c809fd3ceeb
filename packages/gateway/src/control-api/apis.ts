import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { decodeDefinition } from '../api-definition/decode.ts'
import { formatDefinition } from '../api-definition/format.ts'
import type { ApiDefinition } from '../api-definition/schema.ts'
import { validationProblem } from '../api-definition/validate.ts'
import type { Log } from '../log/log.ts'
import type { ApiSet } from '../reload/api-set.ts'
import { modified, statusAnswer, type Action, type ControlAnswer } from './answer.ts'
import { fileExists, removeFile, writeFileWhole } from './files.ts'
import type { Resource } from './routes.ts'

export interface ApisDeps {
  readonly log: Log
  readonly appPath: string
  /** What is loaded: listings show that, not the files. */
  readonly apis: () => ApiSet
}

/** Definitions. Writes change files; they take effect with the next reload. */
export function apiResources(deps: ApisDeps): Resource[] {
  return [
    {
      path: '/tyk/apis',
      methods: {
        GET: () => ({ status: 200, json: deps.apis().apis.map((api) => formatDefinition(api.definition)) }),
        POST: ({ body }) => create(deps, body),
      },
    },
    {
      path: '/tyk/apis/:id',
      methods: {
        GET({ params }) {
          const api = deps.apis().byId.get(params['id'] ?? '')
          return api === undefined ? notFound() : { status: 200, json: formatDefinition(api.definition) }
        },
        POST: ({ body }) => create(deps, body),
        PUT: ({ params, body }) => update(deps, params['id'] ?? '', body),
        DELETE: ({ params }) => remove(deps, params['id'] ?? ''),
      },
    },
  ]
}

const notFound = (): ControlAnswer => statusAnswer(404, 'API not found')

function create(deps: ApisDeps, body: string): Promise<ControlAnswer> | ControlAnswer {
  const definition = parse(body)
  if (definition === null) return statusAnswer(400, 'Request malformed')
  const apiId = definition.api_id === '' ? randomBytes(16).toString('hex') : definition.api_id
  return save(deps, { ...definition, api_id: apiId }, 'added')
}

function update(deps: ApisDeps, id: string, body: string): Promise<ControlAnswer> | ControlAnswer {
  if (!deps.apis().byId.has(id)) return notFound()
  const definition = parse(body)
  if (definition === null) return statusAnswer(400, 'Request malformed')
  if (definition.api_id !== '' && definition.api_id !== id) {
    return statusAnswer(400, 'Request APIID does not match that in Definition! For Update operations these must match.')
  }
  return save(deps, { ...definition, api_id: id }, 'modified')
}

function parse(body: string): ApiDefinition | null {
  try {
    return decodeDefinition(JSON.parse(body))
  } catch {
    return null
  }
}

async function save(deps: ApisDeps, definition: ApiDefinition, action: Action): Promise<ControlAnswer> {
  const { api_id: apiId } = definition
  if (!isFileName(apiId)) return statusAnswer(400, 'Invalid API ID')
  const problem = validationProblem(definition)
  if (problem !== null) return statusAnswer(400, `Validation of API Definition failed. Reason: ${problem}.`)
  try {
    await writeFileWhole(fileOf(deps, apiId), `${JSON.stringify(formatDefinition(definition), null, 2)}\n`)
  } catch (err) {
    deps.log.error({ err, prefix: 'api', api_id: apiId }, 'Could not write the API definition')
    return statusAnswer(500, 'file object creation failed, write error')
  }
  return modified(apiId, action)
}

async function remove(deps: ApisDeps, id: string): Promise<ControlAnswer> {
  if (!deps.apis().byId.has(id)) return notFound()
  if (!isFileName(id)) return statusAnswer(400, 'Invalid API ID')
  const file = fileOf(deps, id)
  if (!(await fileExists(file))) {
    deps.log.warn({ prefix: 'api', file }, 'The definition of this API is not in a file of its own name')
    return statusAnswer(500, 'Delete failed')
  }
  await removeFile(file)
  return modified(id, 'deleted')
}

const fileOf = (deps: ApisDeps, id: string): string => path.join(deps.appPath === '' ? '.' : deps.appPath, `${id}.json`)

/** An id becomes a file name: nothing in it may lead out of the folder, in its plain form or decoded. */
export function isFileName(id: string): boolean {
  let decoded = id
  try {
    decoded = decodeURIComponent(id)
  } catch {
    return false
  }
  return [id, decoded].every((text) => text !== '' && text !== '.' && text !== '..' && !/[/\\\0]/.test(text))
}
