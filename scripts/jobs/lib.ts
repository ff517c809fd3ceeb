/** What the jobs share: the project's folders and running one of its programs. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runInForeground } from '../tek/run.mjs'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const dataDir = join(root, '.data')

/** Runs a JavaScript or TypeScript program of the project with the Node.js of this job. */
export function runNode(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  return runInForeground(process.execPath, [...args], { cwd: root, env })
}

/** Runs a program that a dependency brought, e.g. `tsc`. */
export function runTool(name: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  return runInForeground(join(root, 'node_modules', '.bin', name), [...args], {
    cwd: root,
    env,
    shell: process.platform === 'win32',
  })
}
