/** The word after the program's name that makes a process a worker; it shows in listings of processes. */
export const WORKER_COMMAND = 'worker'

/** Whether the parent of a gateway has started this process; nobody else can, since a worker does nothing alone. */
export const isWorker = (argv: readonly string[]): boolean => argv[0] === WORKER_COMMAND && process.send !== undefined
