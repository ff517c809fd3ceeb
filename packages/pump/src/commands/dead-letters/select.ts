import type { LetterSelection } from '../../config/arguments.ts'
import type { LetterHead } from '../../dead-letters/index.ts'

/** Stands for letters that were for no sink, because they are no records. */
export const NO_SINK = '-'

/** Says which letters are meant. Everything that is given has to fit. */
export function compileSelection(selection: LetterSelection, now: number): (head: LetterHead) => boolean {
  const { ids, sink, reason, olderThanMs, newerThanMs } = selection
  const words = reason?.toLowerCase() ?? ''
  const age = ({ time }: LetterHead): number => now - Date.parse(time)
  const rules: ((head: LetterHead) => boolean)[] = [
    (head) => ids.length === 0 || ids.includes(head.id),
    (head) => sink === null || (head.sink ?? NO_SINK) === sink,
    (head) => `${head.errorType} ${head.reason}`.toLowerCase().includes(words),
    (head) => olderThanMs === null || age(head) > olderThanMs,
    (head) => newerThanMs === null || age(head) < newerThanMs,
  ]
  return (head) => rules.every((fits) => fits(head))
}
