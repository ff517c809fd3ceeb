/**
 * Several processes that are one gateway: the key `workers`.
 *
 * The parent (`parent.ts`) serves no request. It binds ports, owns signals, the pid file and the log, and does what
 * `duties.ts` lists: reloads, notifications of other gateways, checks of Redis. The workers (`worker.ts`) are gateways of
 * `gateway.ts` that are started step by step and whose `Part` leads to the others. With one process none of this is loaded.
 *
 * Whatever else a process keeps for itself has to ask which of these it is:
 * - copies that a change makes void: the change goes to all as a `Notice`;
 * - counts that clients can tell: in Redis, or with the parent as `bucket-owner.ts` does it;
 * - lines that all would write alike: `sharedLog`, or inside `quietly`;
 * - reading files: one worker does it, and the others get what came of it (`reload/shared-set.ts`).
 */
export { createWorkers } from './parent.ts'
