import type { CertificateLibrary } from '../auth/certificate-library.ts'
import { statusAnswer, type ControlAnswer } from './answer.ts'
import type { ControlRequest, Resource } from './routes.ts'

export interface CertificatesDeps {
  readonly certificates: CertificateLibrary
}

const NOT_FOUND = statusAnswer(404, 'Certificate with given SHA256 fingerprint not found')

/** Certificates and public keys in Redis, which definitions and keys name by their ids. */
export function certificateResources({ certificates }: CertificatesDeps): Resource[] {
  const organisationOf = ({ query }: ControlRequest): string => query.get('org_id') ?? ''
  return [
    {
      path: '/tyk/certs',
      methods: {
        GET: async (request) => ({ status: 200, json: { certs: await listed(certificates, request) } }),
        POST: async (request) => added(await certificates.add(organisationOf(request), request.body)),
      },
    },
    {
      path: '/tyk/certs/:id',
      methods: {
        GET: async ({ params }) => {
          const ids = (params['id'] ?? '').split(',')
          const found = (await Promise.all(ids.map((id) => certificates.describe(id)))).filter((one) => one !== null)
          if (found.length === 0) return NOT_FOUND
          return { status: 200, json: ids.length === 1 ? found[0] : found }
        },
        DELETE: async (request) => {
          const removed = await certificates.remove(organisationOf(request), request.params['id'] ?? '')
          return removed ? statusAnswer(200, 'removed') : NOT_FOUND
        },
      },
    },
  ]
}

async function listed(certificates: CertificateLibrary, { query }: ControlRequest): Promise<unknown> {
  const ids = await certificates.list(query.get('org_id') ?? '')
  if (query.get('mode') !== 'detailed') return ids
  return (await Promise.all(ids.map((id) => certificates.summarise(id)))).filter((one) => one !== null)
}

function added(result: { readonly id: string } | { readonly problem: string }): ControlAnswer {
  if ('problem' in result) return statusAnswer(403, result.problem)
  return { status: 200, json: { id: result.id, status: 'ok', message: 'Certificate added' } }
}
