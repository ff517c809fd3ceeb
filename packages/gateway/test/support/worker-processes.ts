import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Why the processes of a gateway cannot be looked at here, or undefined when they can. */
export const procSkipReason = (): string | undefined =>
  process.platform === 'linux' ? undefined : 'needs the /proc of Linux'

/** Ids of the processes that another one has started and that still run. */
export const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

export function isRunning(pid: number): boolean {
  try {
    // A process that has ended and that nobody has asked about has an empty command line.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
  } catch {
    return false
  }
}

/** Ports of the peers of every open connection that a process has accepted on a port. */
export function acceptedBy(pid: number, port: number): Set<number> {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
      } catch {
        // It was closed since the folder was read.
        return []
      }
    }),
  )
  const peers = new Set<number>()
  for (const { localPort, peerPort, isEstablished, inode } of connectionsOf(pid)) {
    if (isEstablished && localPort === port && inodes.has(inode)) peers.add(peerPort)
  }
  return peers
}

interface Connection {
  readonly localPort: number
  readonly peerPort: number
  readonly isEstablished: boolean
  readonly inode: string
}

function connectionsOf(pid: number): Connection[] {
  const rows = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8').trim().split('\n').slice(1),
  )
  return rows.map((row) => {
    const [, local = '', peer = '', state, , , , , , inode = ''] = row.trim().split(/\s+/)
    const portOf = (address: string): number => Number.parseInt(address.split(':')[1] ?? '', 16)
    return { localPort: portOf(local), peerPort: portOf(peer), isEstablished: state === '01', inode }
  })
}
