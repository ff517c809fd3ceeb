/** Brings the project's dependencies and its own Node.js onto a fresh clone. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { runQuietly } from './run.mjs'

const PNPM = 'pnpm@12.21.0'
const MINIMUM_MAJOR = 24
const NETWORK_ERRORS =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|META_FETCH_FAIL|network request/i

/** A reason why the project cannot be installed here, written for the person at the terminal. */
export class InstallError extends Error {}

/**
 * Installs when the lock file differs from the one of the last install.
 *
 * @param {string} root the project's folder
 * @returns {Promise<string>} the Node.js program to run jobs with
 */
export async function install(root) {
  const stampFile = join(root, 'node_modules', '.tek-install')
  const stamp = stampOf(root)
  const upToDate = existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp
  if (!upToDate) {
    await installDependencies(root)
    writeFileSync(stampFile, stamp)
  }
  return projectNode(root)
}

/** The lock file and every manifest: a frozen install fails when they disagree, and is due when one of them changed. */
function stampOf(root) {
  const packages = join(root, 'packages')
  const manifests = existsSync(packages)
    ? readdirSync(packages).map((name) => join(packages, name, 'package.json'))
    : []
  const files = [join(root, 'pnpm-lock.yaml'), join(root, 'package.json'), ...manifests.toSorted()]
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`)
  for (const file of files.filter((path) => existsSync(path))) hash.update(readFileSync(file))
  return hash.digest('hex')
}

async function installDependencies(root) {
  console.error('Installing dependencies (first run, or the lock file changed)…')
  const { command, first } = npmCommand()
  const args = [...first, 'exec', '--yes', PNPM, '--', 'install', '--frozen-lockfile']
  const { code, output } = await runQuietly(command, args, {
    cwd: root,
    shell: command.endsWith('.cmd'),
    env: installEnvironment(),
  })
  if (code !== 0) throw new InstallError(installHelp(code, output))
}

/** Inside `npm start` the path of npm is known; otherwise it has to be on the PATH. */
function npmCommand() {
  const script = process.env.npm_execpath
  if (script && basename(script).startsWith('npm')) return { command: process.execPath, first: [script] }
  return { command: process.platform === 'win32' ? 'npm.cmd' : 'npm', first: [] }
}

/** pnpm must not ask before it replaces a node_modules folder of another package manager. */
function installEnvironment() {
  return { ...process.env, CI: 'true' }
}

/**
 * @param {number} code 127 when npm was not found
 * @param {string} output
 */
export function installHelp(code, output) {
  const tail = output.trim().split('\n').slice(-15).join('\n')
  if (code === 127) {
    return 'npm was not found on the PATH. It comes with Node.js: install Node.js from https://nodejs.org/ (Debian: apt-get install npm).'
  }
  if (NETWORK_ERRORS.test(output)) {
    return `${tail}\n\nThe package registry could not be reached. Check the network, the proxy (HTTPS_PROXY) and: npm config get registry`
  }
  if (/ERR_PNPM_UNSUPPORTED_PLATFORM|EBADPLATFORM/.test(output)) return `${tail}\n\n${platformHelp()}`
  if (/OUTDATED_LOCKFILE/.test(output)) {
    return `${tail}\n\npnpm-lock.yaml does not belong to the package.json files. After changing dependencies run: npm exec ${PNPM} -- install`
  }
  return `${tail}\n\nInstalling the dependencies failed (exit code ${code}, last lines above).`
}

/** The Node.js that came with the install; where its binary does not run, the present one if it is new enough. */
async function projectNode(root) {
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  const own = join(root, 'node_modules', 'node-runtime', 'bin', name)
  if (existsSync(own) && (await runQuietly(own, ['--version'])).code === 0) return own
  if (Number(process.versions.node.split('.')[0]) >= MINIMUM_MAJOR) return process.execPath
  throw new InstallError(platformHelp())
}

function platformHelp() {
  return [
    `There is no ready Node.js ${MINIMUM_MAJOR} for this platform (${process.platform} ${process.arch}) in the npm package "node".`,
    `Install Node.js ${MINIMUM_MAJOR} or newer yourself and run the command with it (now: ${process.versions.node}), or use: docker compose up`,
  ].join('\n')
}
