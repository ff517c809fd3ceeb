/** Templates and policies of the scripted server: kept as they were put, shown as the real ones show them. */

interface Request {
  readonly method: string
  readonly url: string
  readonly body: string
}

type Thing = Record<string, unknown>

export interface FakeTemplates {
  /** By path, e.g. `/_index_template/tyk_analytics`. */
  readonly things: Map<string, Thing>
  /** Answers requests for paths that match with this. */
  forbid(paths: RegExp | null, status?: number): void
  /** Null for requests that are about something else. */
  answer(request: Request): { status: number; body: unknown } | null
  /** What a new index of this name is made by. */
  makerOf(index: string): Maker
}

export interface Maker {
  readonly makesStream: boolean
  /** The policy that its settings name. */
  readonly lifecycle: string | undefined
  /** The policy that names it, as OpenSearch does it. */
  readonly ism: string | null
}

const PATH =
  /^\/(_index_template|_component_template|_template|_ilm\/policy|_plugins\/_ism\/policies)(?:\/([^?]+))?(?:\?(.*))?$/

interface Policies {
  /** There are any; else a path of theirs is that of a document on servers that have types. */
  readonly known: boolean
  readonly typedPaths: boolean
  /** They bear a `_meta`. */
  readonly marked: boolean
}

export function createFakeTemplates(policies: Policies): FakeTemplates {
  const things = new Map<string, Thing>()
  let forbidden: { paths: RegExp; status: number } | null = null

  const show: Readonly<Record<string, (name: string, thing: Thing) => unknown>> = {
    _index_template: (name, thing) => ({ index_templates: [{ name, index_template: thing }] }),
    _component_template: (name, thing) => ({ component_templates: [{ name, component_template: thing }] }),
    _template: (name, thing) => ({ [name]: { order: 0, settings: {}, aliases: {}, ...thing } }),
    '_ilm/policy': (name, { policy }) => ({
      [name]: { version: 3, modified_date: '2026-01-01T00:00:00.000Z', policy: withAdditions(policy, ILM_ADDS) },
    }),
    '_plugins/_ism/policies': (name, { policy }) => ({
      _id: name,
      _version: 2,
      _seq_no: 7,
      _primary_term: 1,
      policy: { policy_id: name, schema_version: 1, error_notification: null, ...withAdditions(policy, ISM_ADDS) },
    }),
  }
  const list = (kind: string): unknown => {
    const all = [...things].filter(([path]) => path.startsWith(`/${kind}/`))
    const names = all.map(([path, thing]): [string, Thing] => [path.slice(kind.length + 2), thing])
    if (kind === '_template') return Object.fromEntries(names)
    return { index_templates: names.map(([name, thing]) => ({ name, index_template: thing })) }
  }

  const indexTemplates = (): [name: string, template: IndexTemplate][] =>
    [...things]
      .filter(([path]) => path.startsWith('/_index_template/'))
      .map(([path, thing]) => [path.slice('/_index_template/'.length), thing as unknown as IndexTemplate])

  /** Which of two it would be is not decided for such. */
  const rivalOf = (name: string, { index_patterns: patterns, priority = 0 }: IndexTemplate) =>
    indexTemplates().find(
      ([otherName, other]) =>
        otherName !== name &&
        (other.priority ?? 0) === priority &&
        other.index_patterns.some((one) => patterns.some((two) => overlap(one, two))),
    )

  const refusalOf = (kind: string, name: string, thing: Thing): string | null => {
    if (kind === '_ilm/policy' && !policies.marked && Object.hasOwn(thing['policy'] as Thing, '_meta')) {
      return '[1:20] [policy] unknown field [_meta]'
    }
    const rival = kind === '_index_template' ? rivalOf(name, thing as unknown as IndexTemplate) : undefined
    if (rival === undefined) return null
    const [other, { index_patterns: patterns, priority = 0 }] = rival
    return `index template [${name}] has index patterns [${String(thing['index_patterns'])}] matching patterns from existing templates [${other}] with patterns (${other} => [${String(patterns)}]) that have the same priority [${priority}], multiple index templates may not match during index creation, please use a different priority`
  }

  return {
    things,
    makerOf(index) {
      const [template] = indexTemplates()
        .map(([, one]) => one)
        .filter(({ index_patterns: patterns }) => patterns.some((pattern) => fits(pattern, index)))
        .sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0))
      const parts = (template?.composed_of ?? []).map((name) => things.get(`/_component_template/${name}`))
      const settings = [...parts, template].map((part) => (part as IndexTemplate | undefined)?.template?.settings)
      const all = Object.assign({}, ...settings) as Record<string, string>
      const ism = [...things].find(([path, { policy }]) => {
        const patterns = (policy as { ism_template?: { index_patterns: string[] }[] } | undefined)?.ism_template
        return path.includes('/_ism/') && patterns?.some((one) => one.index_patterns.some((two) => fits(two, index)))
      })
      return {
        makesStream: template?.data_stream !== undefined,
        lifecycle: all['index.lifecycle.name'],
        ism: ism?.[0].split('/').at(-1) ?? null,
      }
    },
    forbid(paths, status = 403) {
      forbidden = paths && { paths, status }
    },
    answer({ method, url, body }) {
      const match = PATH.exec(url)
      const [, kind = '', encoded] = match ?? []
      if (forbidden?.paths.test(url)) {
        const error = { type: 'security_exception', reason: 'action is unauthorized for the user' }
        return { status: forbidden.status, body: { error } }
      }
      if (match === null) return null
      if (kind === '_ilm/policy' && !policies.known && policies.typedPaths) {
        const none = { type: 'index_not_found_exception', reason: 'no such index [_ilm]' }
        const bad = {
          type: 'invalid_index_name_exception',
          reason: "Invalid index name [_ilm], must not start with '_'",
        }
        return method === 'GET' ? { status: 404, body: { error: none } } : { status: 400, body: { error: bad } }
      }
      if (/policy|policies/.test(kind) && !policies.known) {
        return { status: 400, body: { error: `no handler found for uri [${url}] and method [${method}]` } }
      }
      if (encoded === undefined) return { status: 200, body: list(kind) }
      const name = decodeURIComponent(encoded)
      const path = `/${kind}/${name}`
      if (method === 'GET') {
        const thing = things.get(path)
        return thing ? { status: 200, body: show[kind]?.(name, thing) } : { status: 404, body: {} }
      }
      if (method === 'DELETE') return { status: things.delete(path) ? 200 : 404, body: {} }
      const thing = JSON.parse(body) as Thing
      const reason = refusalOf(kind, name, thing)
      if (reason !== null) return { status: 400, body: { error: { type: 'illegal_argument_exception', reason } } }
      things.set(path, thing)
      return { status: 200, body: { acknowledged: true } }
    },
  }
}

interface IndexTemplate {
  readonly index_patterns: readonly string[]
  readonly priority?: number
  readonly composed_of?: readonly string[]
  readonly data_stream?: object
  readonly template?: { readonly settings?: Record<string, string> }
}

const fits = (pattern: string, name: string): boolean =>
  new RegExp(`^${pattern.replaceAll('.', String.raw`\.`).replaceAll('*', '.*')}$`).test(name)

const overlap = (one: string, two: string): boolean =>
  fits(one, two.replaceAll('*', 'x')) || fits(two, one.replaceAll('*', 'x'))

const RETRY = '"retry":{"count":3,"backoff":"exponential","delay":"1m"}'

/** What real servers add to a policy, before and after the text on the left. */
const ILM_ADDS: readonly (readonly [string, string])[] = [
  ['"delete":{}', '"delete":{"delete_searchable_snapshot":true}'],
]
const ISM_ADDS: readonly (readonly [string, string])[] = [
  ['"rollover":{', `${RETRY},"rollover":{"copy_alias":false,`],
  ['"delete":{}', `${RETRY},"delete":{}`],
  ['"ism_template":[{', '"ism_template":[{"last_updated_time":1795919313936,'],
]

function withAdditions(policy: unknown, additions: typeof ILM_ADDS): Thing {
  const text = additions.reduce((all, [from, to]) => all.replaceAll(from, to), JSON.stringify(policy))
  return JSON.parse(text) as Thing
}
