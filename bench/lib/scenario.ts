import type { Finding } from './measures.ts'
import type { BenchOptions } from './options.ts'
import type { Spread } from './statistics.ts'

export interface Scenario {
  /** As `--only` takes it; also the name of its results. */
  readonly name: string
  readonly title: string
  /** About how long it takes. */
  seconds(options: BenchOptions): number
  /** @throws SkippedError when this machine or this gateway cannot do it. */
  run(options: BenchOptions): Promise<Outcome>
}

/** What came out, apart from the conditions, which all scenarios of a run share. */
export interface Outcome {
  /** Which cores the programs had, in a sentence; absent: each side one. */
  readonly placement?: string
  /** Where it is not the number that was asked for. */
  readonly rounds?: number
  /** Of each round, where it is not what was asked for. */
  readonly seconds?: number
  /** How many times the programs were started; absent in results of earlier forms of the bench, and where each round starts them. */
  readonly starts?: number
  /** Paragraphs and tables in Markdown. */
  readonly report: readonly string[]
  readonly findings: readonly Finding[]
  /** Why the figures are to be doubted, in a sentence each. */
  readonly warnings: readonly string[]
  /** Throughput in relation to nginx, for the picture. */
  readonly bars: readonly Bar[]
  /** The figures of each round, for whoever wants to reckon again. */
  readonly raw: unknown
}

export interface Bar {
  readonly label: string
  readonly ours: boolean
  readonly value: Spread
}

export class SkippedError extends Error {}
