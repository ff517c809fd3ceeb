import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { install, InstallError } from './install.mjs'
import { runInForeground } from './run.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const commands = ['start', 'test', 'faults', 'build', 'check', 'bench', 'conformance']

/**
 * Installs what is missing, then runs the job with the project's own Node.js.
 *
 * @param {string[]} args the command and what it is given
 * @returns {Promise<number>} the exit code
 */
export async function main([command = '', ...rest]) {
  if (!commands.includes(command)) {
    console.error(`usage: node scripts/tek.mjs ${commands.join('|')} [arguments]`)
    return 2
  }
  try {
    const node = await install(root)
    return await runInForeground(node, [join(root, 'scripts', 'jobs', `${command}.ts`), ...rest], {
      cwd: root,
      env: jobEnvironment(node),
    })
  } catch (error) {
    if (!(error instanceof InstallError)) throw error
    console.error(error.message)
    return 1
  }
}

/** Programs of the project come first on the PATH, so that a job and its children get the same Node.js. */
function jobEnvironment(node) {
  const bin = join(root, 'node_modules', '.bin')
  const path = [existsSync(bin) ? bin : '', process.env.PATH ?? ''].filter((part) => part !== '').join(delimiter)
  return { ...process.env, PATH: path, TEK_NODE: node }
}
