import { PeerGoneError } from './errors.ts'
import type { Member } from './roster.ts'

/** Of opening the listeners of one worker. */
const DEADLINE_MS = 60_000

/** Has a worker open its listeners. */
export async function listen(member: Member): Promise<void> {
  await member.peer.ask('listen', null, DEADLINE_MS)
  member.serves = true
}

/**
 * Has all open their listeners. Clients may be served as soon as the first one has, so the end of another is no longer
 * the end of the gateway: it is replaced as at any later time.
 *
 * @throws at once the error of a worker that cannot listen, or PeerGoneError when none is left.
 */
export async function listenAll(members: readonly Member[]): Promise<void> {
  const gone: PeerGoneError[] = []
  const listenUnlessGone = (member: Member): Promise<void> =>
    listen(member).catch((err: unknown) => {
      if (!(err instanceof PeerGoneError)) throw err
      gone.push(err)
    })
  await Promise.all(members.map(listenUnlessGone))
  if (gone[0] !== undefined && gone.length === members.length) throw gone[0]
}
