/** What the control API says of itself: one entry per path and method that `registerControlApi` serves. */

type Schema = Readonly<Record<string, unknown>>

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly required?: true
  readonly description: string
  readonly schema: Schema
}

interface Operation {
  readonly tag: string
  readonly summary: string
  readonly query?: readonly Parameter[]
  /** Name of the schema of the body; it is JSON unless said otherwise. */
  readonly body?: string
  readonly bodyType?: string
  /** Name of the schema of the answer 200. */
  readonly answer: string
  /** Other answers that are made on purpose, all of the schema Status. */
  readonly refusals?: Readonly<Record<number, string>>
}

const flag = (name: string, description: string, values: readonly string[]): Parameter => ({
  name,
  in: 'query',
  description,
  schema: { type: 'string', enum: values },
})
const text = (name: string, description: string): Parameter => ({
  name,
  in: 'query',
  description,
  schema: { type: 'string' },
})

const ORGANISATION = text('org_id', 'Organisation of the key, where its name does not say it.')
const HASHED = flag('hashed', 'The key in the path is a hash.', ['true', '1'])
const USERNAME = flag('username', 'The key in the path is the name of a user or custom key.', ['true'])
const KEY_QUERY = [ORGANISATION, HASHED, USERNAME, text('api_id', 'Only what belongs to this API.')]

const MALFORMED = 'The body is no JSON object of this kind.'
const NOT_STORED = 'The key could not be stored: its policies or access rights do not allow it, or Redis is away.'
const NOT_WRITTEN = 'The file could not be written.'
const CREATE_KEY: Operation = {
  tag: 'Keys',
  summary: 'Creates a key.',
  body: 'Session',
  answer: 'KeyModified',
  refusals: { 400: MALFORMED, 500: NOT_STORED, 503: 'Too many passwords are being hashed.' },
}
const STORE_ORGANISATION: Operation = {
  tag: 'Organisations',
  summary: 'Stores limits that all keys of an organisation share.',
  query: [flag('reset_quota', 'The quota begins anew.', ['1'])],
  body: 'Session',
  answer: 'KeyModified',
  refusals: { 400: MALFORMED, 404: 'No API of the organisation is loaded.', 500: 'Redis is away.' },
}
const CREATE_API: Operation = {
  tag: 'APIs',
  summary: 'Writes an API definition to a file; the next reload serves it.',
  body: 'ApiDefinition',
  answer: 'Modified',
  refusals: { 400: MALFORMED, 500: NOT_WRITTEN },
}
const CREATE_POLICY: Operation = {
  tag: 'Policies',
  summary: 'Writes a policy to a file; the next reload makes it effective.',
  body: 'Policy',
  answer: 'Modified',
  refusals: { 400: MALFORMED, 500: NOT_WRITTEN },
}

/** By `METHOD path`, with path parameters in braces. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /tyk/reload': {
    tag: 'Reload',
    summary: 'Reloads API definitions and policies of this gateway.',
    query: [flag('block', 'Answers when the reload is over.', ['true'])],
    answer: 'Status',
  },
  'GET /tyk/reload/group': { tag: 'Reload', summary: 'Asks every gateway on this Redis to reload.', answer: 'Status' },
  'GET /tyk/openapi.json': { tag: 'Documentation', summary: 'This document.', answer: 'Document' },
  'GET /tyk/apis': { tag: 'APIs', summary: 'Lists the definitions that are loaded.', answer: 'ApiDefinitions' },
  'POST /tyk/apis': CREATE_API,
  'GET /tyk/apis/{id}': {
    tag: 'APIs',
    summary: 'One definition that is loaded.',
    answer: 'ApiDefinition',
    refusals: { 404: 'No API with this id is loaded.' },
  },
  'POST /tyk/apis/{id}': CREATE_API,
  'PUT /tyk/apis/{id}': {
    ...CREATE_API,
    summary: 'Replaces an API definition in its file; the next reload serves it.',
    refusals: { ...CREATE_API.refusals, 404: 'No API with this id is loaded.' },
  },
  'DELETE /tyk/apis/{id}': {
    tag: 'APIs',
    summary: 'Removes the file of an API definition; it is served until the next reload.',
    answer: 'Modified',
    refusals: {
      400: 'The id is no file name.',
      404: 'No API with this id is loaded.',
      500: 'There is no file of this name.',
    },
  },
  'GET /tyk/keys': {
    tag: 'Keys',
    summary: 'Lists keys, or their hashes where keys are hashed.',
    query: [
      text('filter', 'Where keys are not hashed: only those that begin with this, or belong to this organisation.'),
      text('api_id', 'Only keys that may use this API; where keys are not hashed, together with filter.'),
    ],
    answer: 'KeyList',
    refusals: {
      400: 'The filter is missing beside api_id.',
      404: 'Keys are hashed and may not be listed.',
      500: 'Redis is away.',
    },
  },
  'POST /tyk/keys': CREATE_KEY,
  'POST /tyk/keys/create': { ...CREATE_KEY, summary: 'Creates a key with a generated token.' },
  'POST /tyk/keys/preview': {
    tag: 'Keys',
    summary: 'Shows what a session becomes under its policies, and stores nothing.',
    body: 'Session',
    answer: 'Session',
    refusals: { 400: MALFORMED, 500: 'Its policies cannot be applied.' },
  },
  'POST /tyk/keys/policy/{hash}': {
    tag: 'Keys',
    summary: 'Gives a key, named by its hash, other policies.',
    body: 'PolicyIds',
    answer: 'KeyModified',
    refusals: { 400: MALFORMED, 404: 'There is no such key.', 500: NOT_STORED },
  },
  'GET /tyk/keys/{key}': {
    tag: 'Keys',
    summary: 'The session of a key, with its policies applied and its quotas as counted.',
    query: KEY_QUERY,
    answer: 'Session',
    refusals: { 400: 'Keys are not hashed here.', 404: 'There is no such key.', 500: 'Redis is away.' },
  },
  'POST /tyk/keys/{key}': { ...CREATE_KEY, summary: 'Creates a key with a token that is made of this name.' },
  'PUT /tyk/keys/{key}': {
    ...CREATE_KEY,
    summary: 'Replaces the session of a key.',
    query: [...KEY_QUERY, flag('suppress_reset', 'Quotas go on where they are.', ['1'])],
    refusals: { ...CREATE_KEY.refusals, 404: 'There is no such key.' },
  },
  'DELETE /tyk/keys/{key}': {
    tag: 'Keys',
    summary: 'Deletes a key.',
    query: KEY_QUERY,
    answer: 'KeyModified',
    refusals: { 400: 'Keys are not hashed here.', 404: 'There is no such key.', 500: 'Redis is away.' },
  },
  'GET /tyk/org/keys': {
    tag: 'Organisations',
    summary: 'Lists the organisations that have limits of their own.',
    query: [text('filter', 'Only organisations whose id begins with this.')],
    answer: 'KeyList',
    refusals: { 500: 'Redis is away.' },
  },
  'GET /tyk/org/keys/{org}': {
    tag: 'Organisations',
    summary: 'The session of an organisation, with its quota as counted.',
    answer: 'Session',
    refusals: { 404: 'It has none.', 500: 'Redis is away.' },
  },
  'POST /tyk/org/keys/{org}': STORE_ORGANISATION,
  'PUT /tyk/org/keys/{org}': STORE_ORGANISATION,
  'DELETE /tyk/org/keys/{org}': {
    tag: 'Organisations',
    summary: 'Removes the session of an organisation, and so its limits.',
    answer: 'KeyModified',
    refusals: { 404: 'It has none.', 500: 'Redis is away.' },
  },
  'GET /tyk/certs': {
    tag: 'Certificates',
    summary: 'Lists the ids of the certificates and public keys in Redis, or what the certificates say.',
    query: [ORGANISATION, flag('mode', 'Shows names, dates and kind of each certificate.', ['detailed'])],
    answer: 'CertificateList',
  },
  'POST /tyk/certs': {
    tag: 'Certificates',
    summary: 'Stores a certificate with its chain, or a public key.',
    query: [ORGANISATION],
    body: 'Pem',
    bodyType: 'text/plain',
    answer: 'CertificateAdded',
    refusals: { 403: 'It cannot be read, is there already, or holds a private key.' },
  },
  'GET /tyk/certs/{id}': {
    tag: 'Certificates',
    summary: 'Describes a certificate, or several with their ids separated by commas; private keys are not shown.',
    answer: 'Certificate',
    refusals: { 404: 'There is none with this id.' },
  },
  'DELETE /tyk/certs/{id}': {
    tag: 'Certificates',
    summary: 'Removes a certificate.',
    query: [ORGANISATION],
    answer: 'Status',
    refusals: { 404: 'There is none with this id.' },
  },
  'GET /tyk/policies': { tag: 'Policies', summary: 'Lists the policies that are loaded.', answer: 'Policies' },
  'POST /tyk/policies': CREATE_POLICY,
  'GET /tyk/policies/{id}': {
    tag: 'Policies',
    summary: 'One policy that is loaded.',
    answer: 'Policy',
    refusals: { 404: 'No policy with this id is loaded.' },
  },
  'POST /tyk/policies/{id}': CREATE_POLICY,
  'PUT /tyk/policies/{id}': { ...CREATE_POLICY, summary: 'Replaces a policy in its file.' },
  'DELETE /tyk/policies/{id}': {
    tag: 'Policies',
    summary: 'Removes the file of a policy.',
    answer: 'Modified',
    refusals: { 500: 'There is no file of this name.' },
  },
  'DELETE /tyk/cache/jwks': { tag: 'Cache', summary: 'Forgets the keys of all token issuers.', answer: 'Status' },
  'DELETE /tyk/cache/jwks/{id}': {
    tag: 'Cache',
    summary: "Forgets the keys of an API's token issuers.",
    answer: 'Status',
  },
  'DELETE /tyk/cache/{id}': {
    tag: 'Cache',
    summary: 'Forgets cached answers of an API. This version caches none.',
    answer: 'Status',
  },
  'GET /tyk/health': {
    tag: 'Health',
    summary: 'Health counters of an API. This version keeps none.',
    answer: 'Status',
    refusals: { 400: 'They are not enabled.' },
  },
}

const object = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  ...(required.length > 0 && { required }),
})
const list = (items: Schema): Schema => ({ type: 'array', items })
const named = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })
const TEXT = { type: 'string' }
const NUMBER = { type: 'number' }
const INTEGER = { type: 'integer' }
const BOOLEAN = { type: 'boolean' }
const TEXTS = list(TEXT)

const ACCESS_RIGHTS = {
  type: 'object',
  additionalProperties: object({
    api_id: TEXT,
    api_name: TEXT,
    versions: TEXTS,
    allowed_urls: list(object({ url: TEXT, methods: TEXTS })),
    limit: object({ rate: NUMBER, per: NUMBER, quota_max: INTEGER, quota_renewal_rate: INTEGER }),
  }),
}

/** The members that people set most; others of Tyk's forms are taken as well. */
const SCHEMAS: Readonly<Record<string, Schema>> = {
  Status: object({ status: { enum: ['ok', 'error'] }, message: TEXT }, ['status', 'message']),
  Modified: object({ key: TEXT, status: TEXT, action: { enum: ['added', 'modified', 'deleted', 'updated'] } }, [
    'key',
    'status',
    'action',
  ]),
  KeyModified: object({ key: TEXT, status: TEXT, action: TEXT, key_hash: TEXT }, ['status', 'action']),
  KeyList: object({ keys: TEXTS }),
  PolicyIds: object({ apply_policies: TEXTS }),
  Session: object({
    alias: TEXT,
    org_id: TEXT,
    allowance: NUMBER,
    rate: NUMBER,
    per: NUMBER,
    throttle_interval: NUMBER,
    throttle_retry_limit: INTEGER,
    expires: INTEGER,
    quota_max: INTEGER,
    quota_renews: INTEGER,
    quota_remaining: INTEGER,
    quota_renewal_rate: INTEGER,
    is_inactive: BOOLEAN,
    apply_policies: TEXTS,
    tags: TEXTS,
    meta_data: { type: 'object' },
    access_rights: ACCESS_RIGHTS,
    hmac_enabled: BOOLEAN,
    hmac_string: TEXT,
    certificate: TEXT,
    basic_auth_data: object({ password: TEXT, hash_type: TEXT }),
  }),
  Policy: object({
    id: TEXT,
    name: TEXT,
    org_id: TEXT,
    active: BOOLEAN,
    state: TEXT,
    rate: NUMBER,
    per: NUMBER,
    quota_max: INTEGER,
    quota_renewal_rate: INTEGER,
    key_expires_in: INTEGER,
    tags: TEXTS,
    partitions: object({ acl: BOOLEAN, rate_limit: BOOLEAN, quota: BOOLEAN, complexity: BOOLEAN, per_api: BOOLEAN }),
    access_rights: ACCESS_RIGHTS,
  }),
  Policies: list(named('Policy')),
  ApiDefinition: object({
    name: TEXT,
    api_id: TEXT,
    org_id: TEXT,
    active: BOOLEAN,
    use_keyless: BOOLEAN,
    domain: TEXT,
    proxy: object({ listen_path: TEXT, target_url: TEXT, strip_listen_path: BOOLEAN }),
    version_data: { type: 'object' },
    tags: TEXTS,
  }),
  ApiDefinitions: list(named('ApiDefinition')),
  Pem: { type: 'string' },
  CertificateAdded: object({ id: TEXT, status: TEXT, message: TEXT }, ['id', 'status', 'message']),
  CertificateList: object({ certs: { type: ['array', 'null'], items: { type: ['string', 'object'] } } }, ['certs']),
  Certificate: { type: ['object', 'array'] },
  Document: { type: 'object' },
}

/** Answers that every operation may give, whatever it is asked. */
const EVERYWHERE = { 403: 'The secret is missing or wrong, or the client certificate where one is needed.' }
const WITH_BODY = { 413: 'The body is too large.' }

/** The OpenAPI 3.1 document of the control API. */
export function controlApiDocument(version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [key, operation] of Object.entries(OPERATIONS)) {
    const [method, path] = key.split(' ') as [string, string]
    ;(paths[path] ??= {})[method.toLowerCase()] = describe(key, path, operation)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Control API of the gateway',
      version,
      description:
        "Keys, policies, API definitions and certificates. Paths, forms and answers are Tyk's, including its habit of " +
        'answering 500 where a key or file cannot be stored as asked.',
    },
    security: [{ secret: [] }],
    paths,
    components: {
      securitySchemes: { secret: { type: 'apiKey', in: 'header', name: 'X-Tyk-Authorization' } },
      schemas: SCHEMAS,
    },
  }
}

function describe(key: string, path: string, operation: Operation): Record<string, unknown> {
  const { tag, summary, query = [], body, bodyType = 'application/json', answer, refusals = {} } = operation
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]): Parameter => ({
    name: name as string,
    in: 'path',
    required: true,
    description: `The ${name}.`,
    schema: TEXT,
  }))
  const refused = { ...EVERYWHERE, ...(body !== undefined && WITH_BODY), ...refusals }
  return {
    operationId: key.replaceAll(/[^\w]+/g, '_'),
    tags: [tag],
    summary,
    parameters: [...inPath, ...query],
    ...(body !== undefined && { requestBody: { required: true, content: { [bodyType]: { schema: named(body) } } } }),
    responses: {
      200: { description: 'Done.', content: { 'application/json': { schema: named(answer) } } },
      ...Object.fromEntries(
        Object.entries(refused).map(([status, description]) => [
          status,
          { description, content: { 'application/json': { schema: named('Status') } } },
        ]),
      ),
    },
  }
}
