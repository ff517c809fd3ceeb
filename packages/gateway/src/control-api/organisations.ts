import type { KeyAnswer } from '../session/key-answer.ts'
import {
  deleteOrganisation,
  getOrganisation,
  listOrganisations,
  storeOrganisation,
  type OrganisationRequestDeps,
} from '../session/organisation-requests.ts'
import type { KeyAction } from '../session/key-answer.ts'
import type { ControlAnswer } from './answer.ts'
import type { ControlRequest, Resource } from './routes.ts'

export interface OrganisationsDeps {
  readonly organisations: OrganisationRequestDeps
}

/** Limits that all keys of an organisation share. */
export function organisationResources({ organisations: deps }: OrganisationsDeps): Resource[] {
  const store = ({ params, query, body }: ControlRequest, action: KeyAction): Promise<ControlAnswer> =>
    answer(storeOrganisation(deps, params['org'] ?? '', body, query.get('reset_quota') === '1', action))
  return [
    {
      path: '/tyk/org/keys',
      methods: { GET: ({ query }) => answer(listOrganisations(deps, query.get('filter') ?? '')) },
    },
    {
      path: '/tyk/org/keys/:org',
      methods: {
        GET: ({ params }) => answer(getOrganisation(deps, params['org'] ?? '')),
        POST: (request) => store(request, 'added'),
        PUT: (request) => store(request, 'modified'),
        DELETE: ({ params }) => answer(deleteOrganisation(deps, params['org'] ?? '')),
      },
    },
  ]
}

async function answer(result: Promise<KeyAnswer>): Promise<ControlAnswer> {
  const { status, body } = await result
  return { status, text: body }
}
