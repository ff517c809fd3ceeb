/** One way to do the job; called again and again with the number of the call. */
export interface Contender {
  readonly name: string
  run(call: number): unknown
}

const ROUNDS = 31
const CALLS = 4000

/**
 * Times the contenders in turn, round after round in one process, so that what disturbs the machine disturbs all of
 * them. Prints the median per call and how many times longer than the first contender each of the others takes.
 *
 * @param calls - per round; fewer for work that takes long.
 */
export function compare(title: string, contenders: readonly Contender[], calls = CALLS): void {
  const rounds = contenders.map(() => [] as number[])
  for (let round = -5; round < ROUNDS; round++) {
    contenders.forEach((contender, i) => {
      const nanos = timeRound(contender, calls)
      // The first rounds warm up.
      if (round >= 0) rounds[i]!.push(nanos)
    })
  }
  const medians = rounds.map(median)
  console.log(`\n${title}`)
  contenders.forEach(({ name }, i) => {
    const nanos = medians[i]!
    console.log(`  ${name.padEnd(44)} ${nanos.toFixed(0).padStart(6)} ns   ×${(nanos / medians[0]!).toFixed(2)}`)
  })
}

/** Keeps results alive, so that no call can be optimised away. */
let kept: unknown

function timeRound(contender: Contender, calls: number): number {
  const start = process.hrtime.bigint()
  for (let call = 0; call < calls; call++) kept = contender.run(call)
  const nanos = Number(process.hrtime.bigint() - start) / calls
  if (kept === undefined) throw new Error(`${contender.name} made nothing`)
  return nanos
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!
