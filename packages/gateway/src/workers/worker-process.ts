import cluster, { type Worker } from 'node:cluster'
import type { ParentCalls, WorkerCalls } from './calls.ts'
import { WORKER_COMMAND } from './command.ts'
import { createPeer, type Handlers, type Peer } from './peer.ts'
import type { WholeLines } from './whole-lines.ts'

/** One worker as the parent sees it. */
export interface WorkerProcess {
  readonly index: number
  readonly pid: number
  readonly peer: Peer<WorkerCalls>
  /** Resolves once the process is gone and its last log line written. */
  readonly ended: Promise<WorkerEnd>
  kill(): void
}

export interface WorkerEnd {
  readonly exitCode: number | null
  readonly signal: string | null
}

/**
 * Has the workers of this process open their ports together: the parent binds, every worker accepts, so connections
 * that wait for one that ends are taken by the others. Node gives them the same keys for TLS tickets.
 *
 * Handing each connection over from the parent (Node's default) costs it about 110 µs (Node 24, bench/shared-port.bench.ts)
 * and spreads them little better: of many short ones the busier of two workers got 51 %, and 54 to 58 % here; of 64 lasting
 * ones of wrk 34 and 40 in two runs, and 34 and 42 here. Sockets of their own (SO_REUSEPORT) would lose the waiting connections,
 * and let a second gateway in on the port without a word.
 */
export function setUpWorkers(): void {
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({
    args: [WORKER_COMMAND],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
}

export function forkWorker(index: number, lines: WholeLines, handlers: Handlers<ParentCalls>): WorkerProcess {
  const worker = cluster.fork()
  const { process: child } = worker
  if (child.stderr !== null) lines.add(child.stderr)
  const peer = createPeer<ParentCalls, WorkerCalls>(lineTo(worker), handlers)
  const ended = new Promise<WorkerEnd>((resolve) => {
    worker.once('disconnect', () => peer.close())
    worker.on('error', () => {
      // Of sending to a process that has ended; `close` follows.
    })
    child.once('close', (exitCode, signal) => {
      peer.close()
      resolve({ exitCode, signal })
    })
  })
  return { index, pid: child.pid ?? 0, peer, ended, kill: () => void child.kill('SIGKILL') }
}

const lineTo = (worker: Worker) => ({
  send: (message: object): void => {
    if (worker.isConnected()) worker.send(message, () => {})
  },
  onMessage: (listener: (message: unknown) => void): void => void worker.on('message', listener),
})
