import { counted } from '../table.ts'
import { type LetterWork, walk } from './walk.ts'

const LETTERS_PER_CALL = 100

/** Gives letters up; without `confirmed` it only says what that would be. */
export async function dropLetters(work: LetterWork, confirmed: boolean): Promise<number> {
  const { print, log } = work.deps
  let count = 0
  const complete = await walk(work, async (store, found) => {
    if (!confirmed) {
      count += found.length
      return
    }
    for (let at = 0; at < found.length; at += LETTERS_PER_CALL) {
      count += await store.remove(found.slice(at, at + LETTERS_PER_CALL), 'dropped')
    }
  })
  work.progress.clear()
  if (count > 0 && confirmed) {
    log.error({ deadLetters: count }, 'dead letters are dropped')
    print(`gave up ${counted(count, 'dead letter')}\n`)
  } else if (count > 0) print(`would give up ${counted(count, 'dead letter')}; repeat with --yes to do it\n`)
  else if (complete) print('no such dead letter: dead-letters list shows all\n')
  return complete ? 0 : 1
}
