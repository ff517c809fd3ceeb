import { createHmac } from 'node:crypto'

/** How clients get in. */
export type Access = 'keyless' | 'jwt' | 'token'

const POLICY = 'bench-policy'
const SECRET = 'bench-secret-of-the-jwt-api'
/** Never reached, but counted. */
const MANY = 1_000_000_000

const accessRights = { bench: { api_id: 'bench', api_name: 'bench', versions: ['Default'] } }

/** The API that is measured, at `/bench/`. The JWT API is that of the article: policy, context variables, a set header. */
export function measuredApi(access: Access, targetUrl: string): Record<string, unknown> {
  return { ...apiAt('bench', '/bench/', targetUrl), ...ACCESS[access] }
}

/** An API that is loaded, at `/bench-0007/` for number 7. */
export function loadedApi(number: number, targetUrl: string): Record<string, unknown> {
  const name = `bench-${String(number).padStart(4, '0')}`
  return { ...apiAt(name, `/${name}/`, targetUrl), use_keyless: true }
}

const apiAt = (name: string, listenPath: string, targetUrl: string) => ({
  name,
  api_id: name,
  org_id: 'default',
  active: true,
  version_data: versionData({}),
  proxy: { listen_path: listenPath, target_url: targetUrl, strip_listen_path: true },
})

const versionData = (version: object) => ({
  not_versioned: true,
  versions: { Default: { name: 'Default', use_extended_paths: true, ...version } },
})

const ACCESS: Readonly<Record<Access, Record<string, unknown>>> = {
  keyless: { use_keyless: true },
  jwt: {
    enable_jwt: true,
    jwt_signing_method: 'hmac',
    jwt_source: Buffer.from(SECRET).toString('base64'),
    jwt_identity_base_field: 'sub',
    jwt_default_policies: [POLICY],
    enable_context_vars: true,
    tag_headers: ['User'],
    strip_auth_data: true,
    version_data: versionData({ global_headers: { User: '$tyk_context.jwt_claims_sub' } }),
  },
  token: { use_standard_auth: true, strip_auth_data: true },
}

export const policies: Record<string, unknown> = {
  [POLICY]: {
    id: POLICY,
    name: 'bench',
    org_id: 'default',
    active: true,
    rate: MANY,
    per: 1,
    quota_max: -1,
    access_rights: accessRights,
  },
}

/** The session of the key for the token API: a rate limit and a quota, both far away. */
export const keySession = {
  org_id: 'default',
  rate: MANY,
  per: 1,
  quota_max: MANY,
  quota_remaining: MANY,
  quota_renewal_rate: 3600,
  access_rights: accessRights,
}

/** A token for the JWT API, good for a day. */
export function jwt(): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const content = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'foo@bar.com', iat: now, exp: now + 86_400 })}`
  return `${content}.${createHmac('sha256', SECRET).update(content).digest('base64url')}`
}
