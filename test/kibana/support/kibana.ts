/**
 * What the set-up sees of Kibana, on a socket: saved objects by space, with the rules of an import that matter to it.
 * Whether Kibana can draw the objects is not its business; objects.test.ts and panels.test.ts look at that.
 */
import { startUpstream, readBody, type Upstream } from '../../support/upstream.ts'

interface SavedObject {
  readonly type: string
  readonly id: string
  readonly attributes: Record<string, unknown>
  readonly references: unknown[]
}

interface Stored extends SavedObject {
  readonly updated_at: string
}

export interface KibanaOptions {
  readonly version?: string
  /** The value of Authorization that is asked for. */
  readonly authorization?: string
  /** `false`: as versions that have none. */
  readonly bulkGet?: boolean
  /** Types that this Kibana does not have. */
  readonly unsupported?: readonly string[]
  /** How many requests for the status answer 503 first. */
  readonly startingUp?: number
  /** The imports, counted from 0, that find their connection cut. */
  readonly cuts?: readonly number[]
  readonly alerting?: { readonly key: boolean; readonly types: readonly string[] }
  /** `false`: the licence is too low. */
  readonly slos?: boolean
}

export interface Kibana extends Upstream {
  /** Routes of requests that changed something, in order. */
  readonly writes: string[]
  readonly requests: string[]
  readonly defaults: Map<string, string>
  readonly rules: Map<string, unknown>
  readonly slos: Map<string, unknown>
  objects(space?: string): Stored[]
  object(key: string, space?: string): Stored | undefined
  /** What somebody does in the browser. */
  edit(key: string, attributes: Record<string, unknown>): void
  /** What an upgrade does to every object, without touching the time of change. */
  upgrade(): void
  remove(key: string): void
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

const ok = (body: unknown): Answer => ({ status: 200, body })
const refuse = (status: number, message: string): Answer => ({ status, body: { statusCode: status, message } })

export async function startKibana(options: KibanaOptions = {}): Promise<Kibana> {
  const { version = '8.19.9', authorization, startingUp = 0 } = options
  const spaces = new Map<string, Map<string, Stored>>()
  const writes: string[] = []
  const requests: string[] = []
  const defaults = new Map<string, string>()
  const rules = new Map<string, unknown>()
  const slos = new Map<string, unknown>()
  let clock = Date.UTC(2026, 10, 20)
  let asked = 0
  let imports = 0

  const spaceOf = (name: string): Map<string, Stored> => {
    const space = spaces.get(name) ?? new Map<string, Stored>()
    spaces.set(name, space)
    return space
  }
  const now = (): string => new Date((clock += 1000)).toISOString()

  function importFile(space: string, overwrite: boolean, file: string): Answer {
    const stored = spaceOf(space)
    const lines = file.split('\n').filter((line) => line !== '')
    const objects = lines.map((line) => JSON.parse(line) as SavedObject)
    const known = new Set(objects.map(({ type, id }) => `${type}/${id}`))
    const errors: object[] = []
    const resolvable: object[] = []
    const successResults: object[] = []
    for (const { type, id, attributes, references } of objects) {
      const missing = (references as SavedObject[]).filter((reference) => {
        const key = `${reference.type}/${reference.id}`
        return ['index-pattern', 'search'].includes(reference.type) && !known.has(key) && !stored.has(key)
      })
      if (options.unsupported?.includes(type)) errors.push({ type, id, error: { type: 'unsupported_type' } })
      else if (missing.length > 0)
        resolvable.push({ type, id, error: { type: 'missing_references', references: missing } })
      else if (stored.has(`${type}/${id}`) && !overwrite) resolvable.push({ type, id, error: { type: 'conflict' } })
      else successResults.push({ type, id, meta: { title: attributes['title'] } })
    }
    // One of these, and nothing at all is written; the answer is 200 all the same.
    if (resolvable.length === 0) {
      const time = now()
      for (const { type, id, attributes, references } of objects) {
        if (options.unsupported?.includes(type)) continue
        // Kibana brings objects to its own shape.
        const migrated = { ...attributes, migratedBy: version }
        stored.set(`${type}/${id}`, { type, id, attributes: migrated, references, updated_at: time })
      }
    }
    const failed = [...errors, ...resolvable]
    return ok({ success: failed.length === 0, successCount: successResults.length, successResults, errors: failed })
  }

  function alerting(method: string, path: string, body: unknown): Answer {
    const { key, types } = options.alerting ?? { key: false, types: [] }
    if (options.alerting === undefined) return refuse(404, 'Not Found')
    if (path === '_health') return ok({ is_sufficiently_secure: true, has_permanent_encryption_key: key })
    if (path === 'rule_types') return ok(types.map((id) => ({ id, enabled_in_license: true })))
    if (method === 'GET') return rules.has(path) ? ok(rules.get(path)) : refuse(404, 'no such rule')
    rules.set(path, body)
    return ok(body)
  }

  function objectives(method: string, id: string | undefined, body: unknown): Answer {
    if (options.slos === undefined) return refuse(404, 'Not Found')
    if (method === 'GET') return slos.has(id ?? '') ? ok(slos.get(id ?? '')) : refuse(404, 'no such SLO')
    if (!options.slos) return refuse(403, 'Platinum license or higher is needed to make use of this feature.')
    slos.set((body as { id: string }).id, body)
    return ok(body)
  }

  function answer(method: string, space: string, url: URL, body: string): Answer {
    const { pathname, searchParams } = url
    const route = `${method} ${pathname}`
    const json = (): unknown => JSON.parse(body)
    if (route === 'POST /api/saved_objects/_import') {
      if (!/filename="[^"]+\.ndjson"/.test(body)) return refuse(400, 'Invalid file extension')
      return importFile(space, searchParams.get('overwrite') === 'true', fileIn(body))
    }
    if (route === 'POST /api/saved_objects/_bulk_get' && options.bulkGet !== false) {
      const found = (json() as { type: string; id: string }[]).map(({ type, id }) => {
        const statusCode = options.unsupported?.includes(type) ? 400 : 404
        const missing = { type, id, error: { statusCode, message: 'not found' } }
        return spaceOf(space).get(`${type}/${id}`) ?? missing
      })
      return ok({ saved_objects: found })
    }
    if (route === 'GET /api/saved_objects/_find') {
      const all = [...spaceOf(space).values()].filter(({ type }) => searchParams.getAll('type').includes(type))
      // Small pages, whatever is asked for: there has to be a second one.
      const page = Number(searchParams.get('page'))
      return ok({ total: all.length, saved_objects: all.slice((page - 1) * 20, page * 20) })
    }
    if (route === 'POST /api/data_views/default' && !version.startsWith('7.')) {
      defaults.set(space, (json() as { data_view_id: string }).data_view_id)
      return ok({ acknowledged: true })
    }
    if (route === 'POST /api/index_patterns/default') {
      defaults.set(space, (json() as { index_pattern_id: string }).index_pattern_id)
      return ok({ acknowledged: true })
    }
    const payload = method === 'POST' ? json() : undefined
    const rule = /^\/api\/alerting\/(?:rule\/)?([\w-]+)$/.exec(pathname)
    if (rule !== null) return alerting(method, rule[1]!, payload)
    const slo = /^\/api\/observability\/slos(?:\/([\w-]+))?$/.exec(pathname)
    if (slo !== null) return objectives(method, slo[1], payload)
    return refuse(404, `no ${route}`)
  }

  const upstream = await startUpstream(async (req, res) => {
    const body = (await readBody(req)).toString()
    const [, space = '', path = ''] = /^(?:\/s\/([^/]+))?(\/.*)$/.exec(req.url ?? '') ?? []
    const method = req.method ?? ''
    requests.push(`${method} ${req.url}`)
    if (path.includes('_import') && options.cuts?.includes(imports++)) return req.socket.destroy()
    const send = ({ status, body: content }: Answer): void => {
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content))
    }
    if (path === '/api/status') {
      if (++asked <= startingUp) return send(refuse(503, 'Kibana server is not ready yet'))
      const stranger = authorization !== undefined && req.headers.authorization !== authorization
      // 7.17 speaks of colours.
      const status = { overall: version.startsWith('7.') ? { state: 'green' } : { level: 'available' } }
      return send(ok(stranger ? { status } : { version: { number: version }, status }))
    }
    if (authorization !== undefined && req.headers.authorization !== authorization) return send(refuse(401, 'who?'))
    if (method !== 'GET' && !('kbn-xsrf' in req.headers))
      return send(refuse(400, 'Request must contain a kbn-xsrf header.'))
    const result = answer(method, space, new URL(path, 'http://kibana'), body)
    if (method !== 'GET' && !path.endsWith('_bulk_get')) writes.push(`${method} ${path}`)
    return send(result)
  })

  const everywhere = function* (): Generator<[Map<string, Stored>, string, Stored]> {
    for (const space of spaces.values()) for (const [key, object] of space) yield [space, key, object]
  }
  return {
    ...upstream,
    writes,
    requests,
    defaults,
    rules,
    slos,
    objects: (space = '') => [...spaceOf(space).values()],
    object: (key, space = '') => spaceOf(space).get(key),
    edit(key, attributes) {
      const object = spaceOf('').get(key)
      if (object === undefined) throw new Error(`no ${key}`)
      const merged = { ...object.attributes, ...attributes }
      spaceOf('').set(key, { ...object, attributes: merged, updated_at: now() })
    },
    upgrade() {
      for (const [space, key, object] of everywhere()) {
        space.set(key, { ...object, attributes: { ...object.attributes, migratedBy: '9.2.0' } })
      }
    },
    remove: (key) => void spaceOf('').delete(key),
  }
}

/** The content of the one file in a form. */
function fileIn(form: string): string {
  const boundary = form.slice(0, form.indexOf('\r\n'))
  return form.slice(form.indexOf('\r\n\r\n') + 4, form.lastIndexOf(`\r\n${boundary}--`))
}
