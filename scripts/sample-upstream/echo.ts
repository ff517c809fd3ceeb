/** What httpbin's echo endpoints answer: the request as JSON. Keys are sorted, two spaces, a newline at the end. */
import type { FastifyRequest } from 'fastify'

type JsonObject = Record<string, unknown>

/** The keys of `/get`, and of `/post` and its siblings when a body is possible. */
export async function echo(request: FastifyRequest, withBody: boolean): Promise<JsonObject> {
  return { ...base(request), ...(withBody ? await bodyFields(request) : {}) }
}

export function formatJson(value: JsonObject): string {
  const sorted = Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
  return `${JSON.stringify(sorted, null, 2)}\n`
}

export function requestHeaders(request: FastifyRequest): Record<string, string> {
  const headers: Record<string, string> = {}
  const raw = request.raw.rawHeaders
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = titleCase(raw[i] ?? '')
    const value = raw[i + 1] ?? ''
    headers[name] = name in headers ? `${headers[name]},${value}` : value
  }
  return headers
}

export function origin(request: FastifyRequest): string {
  const forwarded = request.headers['x-forwarded-for']
  return (Array.isArray(forwarded) ? forwarded.join(', ') : forwarded) ?? request.ip
}

function base(request: FastifyRequest): JsonObject {
  const url = new URL(request.url, `http://${request.headers.host ?? 'localhost'}`)
  return {
    args: grouped(url.searchParams),
    headers: requestHeaders(request),
    origin: origin(request),
    url: decodeURI(url.href),
  }
}

async function bodyFields(request: FastifyRequest): Promise<JsonObject> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const type = request.headers['content-type'] ?? ''
  const empty = { data: '', files: {}, form: {}, json: null }
  if (type.startsWith('application/x-www-form-urlencoded')) {
    return { ...empty, form: grouped(new URLSearchParams(body.toString())) }
  }
  if (type.startsWith('multipart/form-data')) return { ...empty, ...(await multipart(body, type)) }
  return { ...empty, data: asText(body), json: asJson(body) }
}

async function multipart(body: Buffer, type: string): Promise<JsonObject> {
  const fields = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
  const form: JsonObject = {}
  const files: JsonObject = {}
  for (const [name, value] of fields.entries()) {
    if (typeof value === 'string') form[name] = value
    else files[name] = asText(Buffer.from(await value.arrayBuffer()))
  }
  return { form, files }
}

/** Bytes that are no UTF-8 become a data URL, as in httpbin. */
function asText(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    return `data:application/octet-stream;base64,${body.toString('base64')}`
  }
}

function asJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString()) as unknown
  } catch {
    return null
  }
}

/** A name given once is a text, one given several times a list. */
function grouped(params: URLSearchParams): JsonObject {
  const names = [...new Set(params.keys())].sort()
  return Object.fromEntries(
    names.map((name) => {
      const values = params.getAll(name)
      return [name, values.length === 1 ? values[0] : values]
    }),
  )
}

function titleCase(name: string): string {
  return name
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1).toLowerCase())
    .join('-')
}
