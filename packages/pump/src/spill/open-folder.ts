import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { leaseCapOptions } from '../config/lease-cap-options.ts'
import { configError } from '../config/report.ts'
import type { LeaseCapConfig } from '../config/schema.ts'
import { type ConfigError, SpillFileError } from '../errors.ts'
import type { SpillFiles } from './files.ts'
import { SpillFolder } from './folder.ts'

/** A disk that is asked what is wrong with a folder has so long to answer. */
const ANSWER_MS = 3_000

/**
 * The folder for spilled records; null when the policy is another.
 *
 * @throws ConfigError when nothing can be written there.
 */
export async function openSpillFolder(
  { policy, spill_dir: folder }: LeaseCapConfig,
  workingDirectory: string,
  files: SpillFiles,
): Promise<SpillFolder | null> {
  if (policy !== 'spill') return null
  const path = resolve(workingDirectory, folder)
  try {
    return await SpillFolder.open(path, files)
  } catch (error) {
    if (!(error instanceof SpillFileError)) throw error
    throw unusable(folder, (await whyUnusable(path)) ?? error.message)
  }
}

/**
 * What is wrong with the folder for spilled records; null: nothing, as far as can be seen without writing anything, or the
 * policy is another.
 */
export async function spillFolderProblem(
  { policy, spill_dir: folder }: LeaseCapConfig,
  workingDirectory: string,
): Promise<ConfigError | null> {
  if (policy !== 'spill') return null
  const why = await whyUnusable(resolve(workingDirectory, folder))
  return why === null ? null : unusable(folder, why)
}

function unusable(folder: string, why: string): ConfigError {
  const cure = 'let the user of the pump write there, or choose another folder'
  const message = `expected a folder that can be written, got "${folder}": ${why}; ${cure}`
  return configError([{ key: 'lease_cap.spill_dir', env: leaseCapOptions.spill_dir.env, message }])
}

/** The folder is made when it is not there, so then it is about what it would be made in. */
async function whyUnusable(path: string): Promise<string | null> {
  const late = new AbortController()
  const silence = delay(ANSWER_MS, `the disk does not answer within ${ANSWER_MS / 1000} s`, { signal: late.signal })
  silence.catch(() => undefined)
  try {
    return await Promise.race([whyNotInto(path), silence])
  } finally {
    late.abort()
  }
}

async function whyNotInto(path: string): Promise<string | null> {
  try {
    if (!(await stat(path)).isDirectory()) return `${path} is no folder`
    await access(path, constants.W_OK | constants.X_OK)
    return null
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const above = dirname(path)
    if ((code === 'ENOENT' || code === 'ENOTDIR') && above !== path) return whyNotInto(above)
    return code === 'EACCES' || code === 'EROFS' ? `${path} cannot be written` : message
  }
}
