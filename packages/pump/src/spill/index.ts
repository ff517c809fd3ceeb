/**
 * Spill: what happens beyond the cap on leases with the policy of that name. The newest leases go to files, and come back
 * by themselves, the oldest first, when there is room.
 *
 * `format.ts` says what a file looks like, `folder.ts` how it comes to be whole on the disk, `entry.ts`, `store.ts` and
 * `scripts/` what Redis knows of it, `spilled-files.ts` which files there are, `spill.ts` when what is done; `inspect.ts` and
 * `give-up-missing.ts` are for a person who looks at it from outside. At every instant either the lease or the file has the
 * records, and the entry in `{source}:spilled` says which:
 *
 *     no entry    the lease; if there is none either, Redis was emptied, and the file is all there is
 *     writing     the lease, whatever the folder holds
 *     useless     the lease, or whoever finished it: the file is to be removed, and then the entry
 *     spilled     the file, for the sinks whose offsets the entry has; for those in `back` also the lease named there, and
 *                 the file stays until that is finished
 */
export { DISK, DISK_PATIENCE_MS, type SpillFiles } from './files.ts'
export type { SpillFolder } from './folder.ts'
export { MissingGiver, type ReleasedMissing } from './give-up-missing.ts'
export {
  type AbsentFolder,
  absentFolders,
  inspectSpilled,
  type ReleasedSpill,
  releaseSpilled,
  type SpilledBacklog,
} from './inspect.ts'
export { openSpillFolder, spillFolderProblem } from './open-folder.ts'
export { Spill } from './spill.ts'
export { SpillStore } from './store.ts'
