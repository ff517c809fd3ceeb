import type { Program } from './process.ts'
import { cleanEnvironment, startService } from './programs.ts'

export interface Explorer extends AsyncDisposable {
  readonly url: string
  readonly program: Program
  stop(): Promise<void>
}

const LISTENS = /explorer listens on (http:\S+?),/

/** Starts the real explorer program on a free port, configured by its variables. Disposing it ends the process. */
export async function startExplorer(env: Readonly<Record<string, string>>): Promise<Explorer> {
  const program = startService('explorer', [], { env: cleanEnvironment({ TEK_EXPLORER_LISTENPORT: '0', ...env }) })
  const stop = async (): Promise<void> => void (await program.stop())
  try {
    const line = await program.waitForLine(LISTENS)
    return { url: LISTENS.exec(line)?.[1] ?? '', program, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}
