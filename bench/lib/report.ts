import { number, spreadText, table } from './markdown.ts'
import { type Measured, ROUNDS_PER_START, type Sample } from './rounds.ts'
import { median, ratio, type Spread, spreadOfPairs } from './statistics.ts'

/** Medians over the rounds of each program; errors are added up, and the worst disturbance is shown. */
export function figuresTable(measured: Measured): string {
  const head = ['program', 'requests/s per core', 'p50 ms', 'p99 ms', 'p99.9 ms', 'CPU µs/request']
  return table(
    [...head, 'of its core %', 'others there, most %', 'RSS MB', 'errors'],
    Object.entries(measured).map(([name, samples]) => {
      const of = (pick: (sample: Sample) => number, digits: number): string => number(median(samples.map(pick)), digits)
      return [
        name,
        of((sample) => sample.perCore, 0),
        of((sample) => sample.p50Ms, 2),
        of((sample) => sample.p99Ms, 2),
        of((sample) => sample.p999Ms, 2),
        of((sample) => sample.cpuMicros, 1),
        of((sample) => sample.corePercent, 0),
        number(Math.max(...samples.map((sample) => sample.otherPercent)), 0),
        of((sample) => sample.rssMb, 0),
        String(samples.reduce((sum, sample) => sum + sample.errors, 0)),
      ]
    }),
  )
}

/** How one program stands to each other one, round by round. */
export function pairsTable(measured: Measured, ours: string): string {
  const peers = Object.keys(measured).filter((name) => name !== ours)
  return table(
    [`${ours} against`, 'throughput, median (lowest to highest)', 'by CPU time', 'p99'],
    peers.map((peer) => [
      peer,
      spreadText(compareRounds(measured, [ours, peer], 'perSecond', ratio), 2),
      spreadText(compareRounds(measured, [ours, peer], 'cpuMicros', inverse), 2),
      spreadText(compareRounds(measured, [ours, peer], 'p99Ms', ratio), 2),
    ]),
  )
}

/** How one program stands to another by one figure, round by round. */
export function compareRounds(
  measured: Measured,
  [ours, peer]: readonly [ours: string, peer: string],
  figure: keyof Sample,
  compare: (ours: number, peer: number) => number,
): Spread {
  const of = (name: string): number[] => valuesOf(measured[name] ?? [], figure)
  return spreadOfPairs(of(ours), of(peer), compare, ROUNDS_PER_START)
}

/** Processor time turned round, so that more is better as it is for throughput. */
export const inverse = (ours: number, peer: number): number => peer / ours

export const valuesOf = (samples: readonly Sample[], figure: keyof Sample): number[] =>
  samples.map((sample) => sample[figure])

const MOST_OTHER_PERCENT = 10

/** Says when other programs took the core from the one that was measured. */
export function disturbances(otherPercents: readonly number[], where = 'the core under test'): string[] {
  const most = Math.max(0, ...otherPercents)
  if (most <= MOST_OTHER_PERCENT) return []
  return [`Others took up to ${number(most, 0)} % of ${where}: look at the figures by CPU time first.`]
}

/** @param shared - programs that have no core for themselves: of those beside them, only what is no part of the bench disturbs. */
export function disturbancesOf(measured: Measured, shared: readonly string[]): string[] {
  const of = (figure: keyof Sample, isShared: boolean): number[] =>
    Object.entries(measured).flatMap(([name, samples]) =>
      shared.includes(name) === isShared ? valuesOf(samples, figure) : [],
    )
  return [
    ...disturbances(of('otherPercent', false)),
    ...disturbances(of('foreignPercent', true), 'one core, from outside the bench'),
  ]
}
