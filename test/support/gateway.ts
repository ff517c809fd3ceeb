import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import type { Program } from './process.ts'
import { cleanEnvironment, startService } from './programs.ts'
import { freePort } from './redis.ts'

export interface GatewayOptions {
  /** Port of the Redis to use; leave it out for a gateway whose Redis is away. */
  readonly redisPort?: number
  /** API definitions by file name; a text is written as it is. */
  readonly apis?: Readonly<Record<string, unknown>>
  /** Policies by id. */
  readonly policies?: Readonly<Record<string, unknown>>
  /** Merged over the test configuration, one level deep. */
  readonly conf?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, string>>
  /** Resolve without waiting for `/hello`, for tests of a start that fails. */
  readonly unchecked?: boolean
}

export interface Gateway extends AsyncDisposable {
  readonly port: number
  readonly url: string
  readonly secret: string
  /** The folder with tyk.conf, apps/, policies/ and templates/. */
  readonly dir: string
  readonly program: Program
  writeApi(fileName: string, definition: unknown): Promise<void>
  /** Asks for a reload and waits until the new set serves. */
  reload(): Promise<void>
  stop(): Promise<void>
}

const SECRET = 'test-secret'
const CLOSED_PORT = 1

const PORT_ATTEMPTS = 3

/** Starts the real gateway program with a configuration folder of its own. Disposing it ends the process. */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnFreePort(options)
    } catch (error) {
      // Someone else may take a port between the moment it was found free and the start.
      if (attempt === PORT_ATTEMPTS || !String(error).includes('is in use')) throw error
    }
  }
}

async function startOnFreePort(options: GatewayOptions): Promise<Gateway> {
  const dir = await mkdtemp(join(tmpdir(), 'tek-gateway-'))
  const port = await freePort()
  await writeFiles(dir, port, options)
  const program = startService('gateway', ['--conf', join(dir, 'tyk.conf')], {
    cwd: dir,
    env: cleanEnvironment(options.env),
  })
  const url = `http://127.0.0.1:${port}`
  const stop = async (): Promise<void> => {
    await program.stop()
    await rm(dir, { recursive: true, force: true })
  }
  if (!options.unchecked) await untilHello(program, url, stop)
  return {
    port,
    url,
    secret: SECRET,
    dir,
    program,
    writeApi: (fileName, definition) => writeJson(join(dir, 'apps', fileName), definition),
    reload: async () => {
      const answer = await fetch(`${url}/tyk/reload?block=true`, { headers: { 'x-tyk-authorization': SECRET } })
      if (answer.status !== 200) throw new Error(`the reload answered ${answer.status} ${await answer.text()}`)
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function untilHello(program: Program, url: string, stop: () => Promise<void>): Promise<void> {
  const answered = eventually(async () => (await fetch(`${url}/hello`)).body?.cancel(), 20_000)
  const ended = program.exited().then((code) => {
    throw new Error(`the gateway ended (${code}) at start:\n${program.output()}`)
  })
  try {
    await Promise.race([answered, ended])
  } catch (error) {
    await stop()
    throw error
  }
}

async function writeFiles(dir: string, port: number, options: GatewayOptions): Promise<void> {
  for (const name of ['apps', 'policies', 'templates', 'middleware']) await mkdir(join(dir, name), { recursive: true })
  for (const [name, definition] of Object.entries(options.apis ?? {}))
    await writeJson(join(dir, 'apps', name), definition)
  await writeJson(join(dir, 'policies', 'policies.json'), options.policies ?? {})
  await writeJson(join(dir, 'tyk.conf'), {
    listen_address: '127.0.0.1',
    listen_port: port,
    secret: SECRET,
    node_secret: SECRET,
    app_path: join(dir, 'apps'),
    template_path: join(dir, 'templates'),
    middleware_path: join(dir, 'middleware'),
    policies: { policy_source: 'file', policy_record_name: join(dir, 'policies', 'policies.json') },
    storage: { type: 'redis', host: '127.0.0.1', port: options.redisPort ?? CLOSED_PORT },
    enable_analytics: true,
    analytics_config: { storage_expiration_time: 600 },
    hash_keys: true,
    hash_key_function: 'murmur64',
    allow_insecure_configs: true,
    pid_file_location: join(dir, 'gateway.pid'),
    ...options.conf,
  })
}

async function writeJson(path: string, content: unknown): Promise<void> {
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content, null, 2))
}
