import path from 'node:path'
import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import type { PolicyStore } from '../session/policies.ts'
import { policyMembers } from '../session/policy.ts'
import { modified, statusAnswer, type Action, type ControlAnswer } from './answer.ts'
import { isFileName } from './apis.ts'
import { fileExists, removeFile, writeFileWhole } from './files.ts'
import type { Resource } from './routes.ts'

export interface PoliciesDeps {
  readonly log: Log
  readonly config: GatewayConfig
  readonly policies: PolicyStore
}

/** Policies: read from memory, written as one file each below `policies.policy_path`; a reload makes them effective. */
export function policyResources(deps: PoliciesDeps): Resource[] {
  return [
    {
      path: '/tyk/policies',
      methods: {
        GET: () => ({ status: 200, json: deps.policies.all().map(policyMembers) }),
        POST: ({ body }) => save(deps, null, body, 'added'),
      },
    },
    {
      path: '/tyk/policies/:id',
      methods: {
        GET({ params }) {
          const policy = deps.policies.all().find((each) => each.id === params['id'])
          return policy === undefined
            ? statusAnswer(404, 'Policy not found')
            : { status: 200, json: policyMembers(policy) }
        },
        POST: ({ body }) => save(deps, null, body, 'added'),
        PUT: ({ params, body }) => save(deps, params['id'] ?? '', body, 'modified'),
        DELETE: ({ params }) => remove(deps, params['id'] ?? ''),
      },
    },
  ]
}

const ALLOWED_ID = /^[a-zA-Z0-9._~-]+$/

async function save(deps: PoliciesDeps, id: string | null, body: string, action: Action): Promise<ControlAnswer> {
  const policy = parse(body)
  if (policy === null) return statusAnswer(400, 'Request malformed')
  const given = [policy['id'], policy['_id']].find((name) => typeof name === 'string' && name !== '') as
    string | undefined
  if (id !== null && given !== undefined && given !== id) {
    return statusAnswer(400, 'Request ID does not match that in policy! For Update operations these must match.')
  }
  const policyId = id ?? given ?? ''
  if (policyId === '') return statusAnswer(400, 'Unable to create policy without id.')
  const isSafe = deps.config.allow_unsafe_policy_ids || ALLOWED_ID.test(policyId)
  if (!isSafe || !isFileName(policyId)) {
    return statusAnswer(400, 'Invalid Policy ID: Allowed characters: a-z, A-Z, 0-9, ., _, -, ~')
  }
  try {
    await writeFileWhole(fileOf(deps, policyId), `${JSON.stringify({ ...policy, id: policyId }, null, 2)}\n`)
  } catch (err) {
    deps.log.error({ err, prefix: 'api', policy: policyId }, 'Could not write the policy')
    return statusAnswer(500, 'Failed to create file!')
  }
  return modified(policyId, action)
}

function parse(body: string): Record<string, unknown> | null {
  try {
    const json: unknown = JSON.parse(body)
    return json !== null && typeof json === 'object' && !Array.isArray(json) ? (json as Record<string, unknown>) : null
  } catch {
    return null
  }
}

async function remove(deps: PoliciesDeps, id: string): Promise<ControlAnswer> {
  if (!isFileName(id) || !(await fileExists(fileOf(deps, id)))) return statusAnswer(500, 'Delete failed')
  await removeFile(fileOf(deps, id))
  return modified(id, 'deleted')
}

const fileOf = (deps: PoliciesDeps, id: string): string =>
  path.join(deps.config.policies.policy_path || '.', `${id}.json`)
