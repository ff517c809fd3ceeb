import { createServer as createSecureServer, type ServerOptions } from 'node:https'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How a store misbehaves: a status, or something worse. */
export type Trouble =
  number | 'hang' | 'cut' | 'broken JSON' | 'another form' | 'endless' | 'no such page' | { readonly redirect: string }

interface SecretServer extends AsyncDisposable {
  /** `host:port`. */
  readonly address: string
  readonly url: string
  /** Path and query of every request that came. */
  readonly requests: string[]
  /** Headers of the last one. */
  headers: IncomingMessage['headers']
  /** Null: behaves. */
  trouble: Trouble | null
  /** Only these many requests meet the trouble. */
  troubles: number
  /** Cuts every connection and refuses new ones. */
  close(): Promise<void>
  /** Opens again, on the same port. */
  open(): Promise<void>
}

/** Speaks the part of Consul's HTTP interface that reads keys, as its documentation describes it. */
export interface ConsulServer extends SecretServer {
  readonly keys: Map<string, string>
}

/** Speaks the part of Vault's HTTP interface that reads secrets of a key-value engine. */
export interface VaultServer extends SecretServer {
  /** By path, engine first: `secret/gw`. Null: its last version was deleted. */
  readonly secrets: Map<string, Record<string, unknown> | null>
}

export interface ConsulServerOptions {
  readonly token?: string
  readonly datacenter?: string
  readonly basicAuth?: string
  /** Serves TLS. */
  readonly tls?: ServerOptions
}

export async function startConsul(options: ConsulServerOptions = {}): Promise<ConsulServer> {
  const keys = new Map<string, string>()
  const base = await startServer(options.tls ?? null, (req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? '', 'http://consul')
    if (options.basicAuth !== undefined && req.headers.authorization !== options.basicAuth) return answer(res, 401)
    if ((req.headers['x-consul-token'] ?? '') !== (options.token ?? '')) return answer(res, 403, 'Permission denied')
    if ((searchParams.get('dc') ?? 'dc1') !== (options.datacenter ?? 'dc1')) {
      return answer(res, 500, 'No path to datacenter')
    }
    if (!pathname.startsWith('/v1/kv/')) return answer(res, 404)
    const key = decodeURIComponent(pathname.slice('/v1/kv/'.length))
    const found = [...keys].filter(([name]) => (searchParams.has('recurse') ? name.startsWith(key) : name === key))
    if (found.length === 0) return answer(res, 404)
    const pairs = found.map(([Key, value], i) => ({
      LockIndex: 0,
      Key,
      Flags: 0,
      Value: value === '' ? null : Buffer.from(value).toString('base64'),
      CreateIndex: 10 + i,
      ModifyIndex: 10 + i,
    }))
    answer(res, 200, JSON.stringify(pairs))
  })
  return Object.assign(base, { keys })
}

export interface VaultServerOptions {
  readonly token?: string
  /** Of the engine; default 2. */
  readonly version?: 1 | 2
}

export async function startVault({ token = '', version = 2 }: VaultServerOptions = {}): Promise<VaultServer> {
  const secrets = new Map<string, Record<string, unknown> | null>()
  const base = await startServer(null, (req, res) => {
    if (req.headers['x-vault-request'] !== 'true')
      return answer(res, 412, vaultErrors('missing X-Vault-Request header'))
    if ((req.headers['x-vault-token'] ?? '') !== token) return answer(res, 403, vaultErrors('permission denied'))
    const path = decodeURIComponent((req.url ?? '').slice('/v1/'.length))
    const [engine = '', first, ...rest] = path.split('/')
    if (version === 2 && first !== 'data') return answer(res, 404, vaultErrors())
    const fields = secrets.get(version === 2 ? [engine, ...rest].join('/') : path)
    if (fields === undefined) return answer(res, 404, vaultErrors())
    const metadata = { created_time: '2026-01-01T00:00:00Z', deletion_time: '', destroyed: false, version: 3 }
    const data = version === 2 ? { data: fields, metadata } : fields
    const envelope = { request_id: 'r', lease_id: '', renewable: false, lease_duration: 0, data, auth: null }
    answer(res, fields === null ? 404 : 200, JSON.stringify(envelope))
  })
  return Object.assign(base, { secrets })
}

const vaultErrors = (...errors: string[]): string => JSON.stringify({ errors })

function answer(res: ServerResponse, status: number, body = ''): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(body)
}

async function startServer(
  tls: ServerOptions | null,
  respond: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<SecretServer> {
  const listener = (req: IncomingMessage, res: ServerResponse): void => {
    server.requests.push(req.url ?? '')
    server.headers = req.headers
    if (server.trouble === null || server.troubles <= 0) return respond(req, res)
    server.troubles--
    misbehave(server.trouble, res)
  }
  const http: Server = tls === null ? createServer(listener) : createSecureServer(tls, listener)
  await listen(http, 0)
  const { port } = http.address() as AddressInfo
  const server: SecretServer = {
    address: `127.0.0.1:${port}`,
    url: `${tls === null ? 'http' : 'https'}://127.0.0.1:${port}`,
    requests: [],
    headers: {},
    trouble: null,
    troubles: Infinity,
    async close() {
      if (!http.listening) return
      const { promise, resolve } = Promise.withResolvers<void>()
      http.close(() => resolve())
      http.closeAllConnections()
      await promise
    },
    open: () => listen(http, port),
    [Symbol.asyncDispose]: () => server.close(),
  }
  return server
}

function listen(http: Server, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  http.once('error', reject)
  http.listen(port, '127.0.0.1', () => {
    http.off('error', reject)
    resolve()
  })
  return promise
}

/** What a client must never show is in every body. */
export const LEAK = 'leaked-secret'

function misbehave(trouble: Trouble, res: ServerResponse): void {
  if (typeof trouble === 'object') return void res.writeHead(307, { location: trouble.redirect }).end()
  switch (trouble) {
    case 'hang':
      return
    case 'cut':
      return void res.writeHead(200, { 'content-length': 100 }).write(LEAK, () => res.destroy())
    case 'broken JSON':
      return answer(res, 200, `{"data": "${LEAK}`)
    case 'no such page':
      return answer(res, 404, `<h1>${LEAK}</h1>`)
    case 'another form':
      return answer(res, 200, JSON.stringify({ other: LEAK, data: [LEAK] }))
    case 'endless': {
      const chunk = Buffer.alloc(64 * 1024, LEAK)
      const more = (): void => {
        while (!res.destroyed && res.write(chunk));
      }
      res.on('drain', more)
      return more()
    }
    default:
      return answer(res, trouble, JSON.stringify({ errors: [LEAK] }))
  }
}
