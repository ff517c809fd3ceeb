import {
  createGeneratedKey,
  createKey,
  deleteKey,
  getKey,
  listKeys,
  previewKey,
  readKeyQuery,
  setKeyPolicies,
  updateKey,
  type KeyAnswer,
  type KeyDeps,
  type KeyQuery,
} from '../session/keys.ts'
import type { ControlAnswer } from './answer.ts'
import type { ControlRequest, Resource } from './routes.ts'

export interface KeysDeps {
  readonly keys: KeyDeps
}

/** Keys and the sessions behind them. */
export function keyResources({ keys }: KeysDeps): Resource[] {
  return [
    {
      path: '/tyk/keys',
      methods: {
        GET: (request) => answer(listKeys(keys, queryOf(request))),
        POST: ({ body }) => answer(createKey(keys, body)),
      },
    },
    { path: '/tyk/keys/create', methods: { POST: ({ body }) => answer(createGeneratedKey(keys, body)) } },
    { path: '/tyk/keys/preview', methods: { POST: ({ body }) => answer(previewKey(keys, body)) } },
    {
      path: '/tyk/keys/policy/:hash',
      methods: { POST: ({ params, body }) => answer(setKeyPolicies(keys, params['hash'] ?? '', body)) },
    },
    {
      path: '/tyk/keys/*',
      methods: {
        GET: (request) => answer(getKey(keys, keyOf(request), queryOf(request))),
        POST: (request) => answer(createKey(keys, request.body, keyOf(request))),
        PUT: (request) => answer(updateKey(keys, keyOf(request), request.body, queryOf(request))),
        DELETE: (request) => answer(deleteKey(keys, keyOf(request), queryOf(request))),
      },
    },
  ]
}

/** A key may hold slashes: base64 has them. */
const keyOf = ({ params }: ControlRequest): string => params['*'] ?? ''

const queryOf = ({ query }: ControlRequest): KeyQuery => readKeyQuery((name) => query.get(name))

async function answer(result: KeyAnswer | Promise<KeyAnswer>): Promise<ControlAnswer> {
  const { status, body } = await result
  return { status, text: body }
}
