import { type AddressInfo, type Socket, createServer } from 'node:net'

export type FileOperation = 'create' | 'write' | 'sync' | 'rename' | 'read' | 'remove'

/** A step of a pump's work on one spill file. */
export interface FileStep {
  readonly operation: FileOperation
  /** `amid`: half of what is to be written is. */
  readonly when: 'before' | 'amid' | 'after'
  readonly file: string
}

export interface HeldStep {
  /** Resolves when a step is held. */
  readonly reached: Promise<FileStep>
  /** Lets it pass, or holds none any more. */
  drop(): void
}

/** What pumps ask before each step of their work on spill files. */
export interface FileGate extends AsyncDisposable {
  /** Of pumps that are to ask. */
  readonly env: Readonly<Record<string, string>>
  /** Holds the next step that matches. */
  hold(matches: (step: FileStep) => boolean): HeldStep
}

interface Hold {
  readonly matches: (step: FileStep) => boolean
  readonly reach: (step: FileStep, pass: () => void) => void
}

const ASKING = new URL('gated-files.ts', import.meta.url).href

export async function startFileGate(): Promise<FileGate> {
  const sockets = new Set<Socket>()
  const holds = new Set<Hold>()

  const answer = (socket: Socket, line: string): void => {
    const { step: number, ...step } = JSON.parse(line) as FileStep & { readonly step: number }
    const pass = (): void => void socket.write(`${number}\n`)
    for (const hold of holds) {
      if (!hold.matches(step)) continue
      holds.delete(hold)
      return hold.reach(step, pass)
    }
    pass()
  }

  const server = createServer({ noDelay: true }, (socket) => {
    let rest = ''
    sockets.add(socket)
    // A pump that is killed leaves a cut connection.
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) answer(socket, line)
    })
  })
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', resolve)
  await listening

  return {
    env: { NODE_OPTIONS: `--import=${ASKING}`, TEK_FILE_GATE: String((server.address() as AddressInfo).port) },
    hold(matches) {
      const { promise: reached, resolve: reachedBy } = Promise.withResolvers<FileStep>()
      let pass = (): void => undefined
      const hold: Hold = {
        matches,
        reach: (step, passIt) => {
          pass = passIt
          reachedBy(step)
        },
      }
      holds.add(hold)
      return {
        reached,
        drop: () => {
          holds.delete(hold)
          pass()
        },
      }
    },
    async [Symbol.asyncDispose]() {
      const { promise, resolve: closed } = Promise.withResolvers<void>()
      server.close(() => closed())
      for (const socket of sockets) socket.destroy()
      await promise
    },
  }
}
