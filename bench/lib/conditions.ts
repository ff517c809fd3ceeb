import { execFileSync, spawnSync } from 'node:child_process'
import { cpus, release } from 'node:os'
import type { BenchOptions } from './options.ts'
import { findRedisProgram } from '../../scripts/redis/find-redis.ts'
import { dataDir } from '../../scripts/jobs/lib.ts'
import { canPin } from './processes.ts'

/** Where and how a run took place. */
export interface Conditions {
  readonly startedAt: string
  readonly commit: string
  readonly machine: string
  readonly programs: string
  readonly rounds: number
  readonly seconds: number
  readonly pinned: boolean
}

export function currentConditions({ rounds, seconds }: BenchOptions): Conditions {
  return {
    startedAt: new Date().toISOString(),
    commit: commit(),
    machine: `${cpus().length} cores, ${cpus()[0]?.model.trim() ?? 'unknown processor'}, Linux ${release()}`,
    programs: [
      `Node ${process.versions.node}`,
      versionOf('nginx', ['-v'], /nginx\/[\d.]+/),
      versionOf('haproxy', ['-v'], /HAProxy version [\d.]+/),
      versionOf('wrk', ['-v'], /wrk [\w./]*\d[\d.]*/),
      versionOf(findRedisProgram(dataDir)?.path ?? 'redis-server', ['-v'], /v=[\d.]+/).replace('v=', 'Redis '),
    ].join(', '),
    rounds,
    seconds,
    pinned: canPin,
  }
}

function versionOf(program: string, args: string[], pattern: RegExp): string {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  return pattern.exec(`${stdout ?? ''}${stderr ?? ''}`)?.[0] ?? `no ${program}`
}

function commit(): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' })
    const changed = git('status', '--porcelain', '--', '../../packages').trim() !== ''
    return git('rev-parse', '--short', 'HEAD').trim() + (changed ? ' with changes' : '')
  } catch {
    return 'unknown'
  }
}

/** Where programs run unless a scenario says otherwise. */
export const APART = 'The program under test has a core for itself; load, upstream and Redis share another.'

/** @param placement - which cores the programs had. */
export function conditionsText(
  { startedAt, commit: built, machine, programs, rounds, seconds, pinned }: Conditions,
  placement: string,
): string {
  const cores = pinned ? placement : 'Cores not pinned.'
  return (
    `${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${seconds} s in turn. ${cores} ${machine}; ${programs}. ` +
    `Commit ${built}, ${startedAt.slice(0, 16).replace('T', ' ')} UTC.`
  )
}
