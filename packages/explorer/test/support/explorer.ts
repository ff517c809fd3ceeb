import { loadConfig } from '../../src/config/load.ts'
import { createLog } from '../../src/log.ts'
import { type ServerDeps, startServer } from '../../src/server.ts'
import type { Store } from '../../src/store/types.ts'

export interface Explorer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly log: string[]
  get(path: string, init?: RequestInit): Promise<Response>
  json<T>(path: string, init?: RequestInit): Promise<T>
}

export interface ExplorerOptions extends Pick<ServerDeps, 'pageFolder'> {
  readonly store: Store
  /** Beside a free port. */
  readonly env?: NodeJS.ProcessEnv
}

/** Serves page and API over a store on a free port of the loopback. */
export async function startExplorer({ store, env = {}, ...more }: ExplorerOptions): Promise<Explorer> {
  const log: string[] = []
  const config = loadConfig({
    confPath: null,
    env: { TEK_EXPLORER_SQLITE_FILE: 'of.the.test', TEK_EXPLORER_LISTENPORT: '0', ...env },
    cwd: '/',
  })
  const server = await startServer({
    config,
    store,
    log: createLog('debug', { write: (line) => void log.push(line) }),
    ...more,
  })
  const url = `http://127.0.0.1:${server.port}`
  const get = (path: string, init?: RequestInit): Promise<Response> => fetch(url + path, init)
  return {
    url,
    port: server.port,
    log,
    get,
    json: async <T>(path: string, init?: RequestInit) => (await (await get(path, init)).json()) as T,
    [Symbol.asyncDispose]: () => server.close(),
  }
}
