import type { Stage } from './stages.ts'

/** Makes a key for the API `keys` through the control API; returns its token. */
export async function createKey(stage: Stage, session: Record<string, unknown> = {}): Promise<string> {
  const access_rights = { keys: { api_id: 'keys', api_name: 'keys', versions: ['Default'] } }
  const body = JSON.stringify({ org_id: 'default', rate: 1000, per: 1, quota_max: -1, access_rights, ...session })
  const lines = [`X-Tyk-Authorization: ${stage.gateway.secret}`, `Content-Length: ${body.length}`]
  const answer = await stage.ask('POST', '/tyk/keys', lines, body)
  return (JSON.parse(answer.body) as { key: string }).key
}
