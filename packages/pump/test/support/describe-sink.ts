import { describe, expect, it } from 'vitest'
import type { ConfigOf, ConfigSection } from '../../src/config/section.ts'
import { SinkUnavailableError } from '../../src/errors.ts'
import type { Sink, SinkDefinition } from '../../src/sinks/types.ts'
import { numberedBatch, sinkDeps } from './sink-records.ts'

/** A target of a sink under test, and the ways in which it can misbehave. */
export interface SinkTarget<S extends ConfigSection> extends AsyncDisposable {
  readonly options: ConfigOf<S>
  /** API ids of what arrived, in order. Absent: the target keeps nothing. */
  stored?(): Promise<readonly string[]>
  /** From now on refuses the record with this API id for good. */
  refuse?(apiId: string): void
  /** Answers "busy" once for the record with this API id. */
  busyOnce?(apiId: string): void
  /** Cannot be reached, or can again. */
  away?(isAway: boolean): Promise<void>
  /** From now on takes requests and never answers. */
  hang?(): void
}

/** `idempotent`: writing the same records again leaves one copy of each. */
export type TargetAbility = 'idempotent' | 'refuse' | 'busyOnce' | 'away' | 'hang'

export interface SinkFixture<S extends ConfigSection> {
  start(): Promise<SinkTarget<S>>
  /** What the target can do; the rules for the rest do not apply to this sink. */
  readonly abilities: readonly TargetAbility[]
}

const never = new AbortController().signal

/** What every sink must do, whatever it writes to. */
export function describeSink<S extends ConfigSection>(definition: SinkDefinition<S>, fixture: SinkFixture<S>): void {
  const started = async () => {
    const target = await fixture.start()
    const sink = definition.create(target.options, sinkDeps())
    const dispose = async (): Promise<void> => {
      await sink.close()
      await target[Symbol.asyncDispose]()
    }
    return { sink, target, [Symbol.asyncDispose]: dispose }
  }
  const itIf = (ability: TargetAbility, name: string, test: () => Promise<void>): void => {
    if (fixture.abilities.includes(ability)) it(name, test)
  }
  const storedIds = async (target: SinkTarget<S>) => [...((await target.stored?.()) ?? [])].sort()

  describe(`${definition.type}, as every sink`, () => {
    it('gives one verdict per record and stores them all', async () => {
      await using it = await started()
      expect(await it.sink.write(numberedBatch(5), never)).toEqual(Array(5).fill('delivered'))
      if (it.target.stored) expect(await storedIds(it.target)).toEqual(['api0', 'api1', 'api2', 'api3', 'api4'])
    })

    it('gives no verdict for an empty batch', async () => {
      await using it = await started()
      expect(await it.sink.write([], never)).toEqual([])
    })

    it('resolves check when the target works', async () => {
      await using it = await started()
      await expect(it.sink.check(never)).resolves.toBeUndefined()
    })

    it('closes twice, used or not', async () => {
      await using it = await started()
      await it.sink.close()
      await it.sink.close()
    })

    it('stores nothing when the write is aborted before it begins', async () => {
      await using it = await started()
      await expect(it.sink.write(numberedBatch(2), AbortSignal.abort())).rejects.toBeInstanceOf(SinkUnavailableError)
      expect(await storedIds(it.target)).toEqual([])
    })

    it('finds a record that it has written and no other, and takes it out again, as far as the target can', async () => {
      await using it = await started()
      const [first, second] = numberedBatch(2)
      if (it.sink.find === undefined || first === undefined || second === undefined) return
      await it.sink.write([first], never)
      expect(await it.sink.find(first, never)).toMatchObject({
        kind: 'found',
        where: expect.stringMatching(/./) as string,
      })
      expect(await it.sink.find(second, never)).toMatchObject({ kind: 'missing' })
      if (it.sink.remove === undefined) return
      await it.sink.remove(second, never)
      await it.sink.remove(first, never)
      expect(await it.sink.find(first, never)).toMatchObject({ kind: 'missing' })
      expect(await storedIds(it.target)).toEqual([])
    })

    it('asks for batches that can exist', async () => {
      await using target = await fixture.start()
      const batching = definition.batching(target.options)
      expect(batching.maxRecords).toBeGreaterThan(0)
      expect(batching.maxBytes).toBeGreaterThan(0)
      expect(batching.inFlight).toBeGreaterThanOrEqual(1)
      expect(batching.flushIntervalMs).toBeGreaterThanOrEqual(0)
    })

    itIf('idempotent', 'writes the same record once however often it is sent', async () => {
      await using it = await started()
      await it.sink.write(numberedBatch(3), never)
      expect(await it.sink.write(numberedBatch(4), never)).toEqual(Array(4).fill('delivered'))
      expect(await storedIds(it.target)).toEqual(['api0', 'api1', 'api2', 'api3'])
    })

    itIf('refuse', 'rejects the one record that the target refuses, in its place', async () => {
      await using it = await started()
      it.target.refuse?.('api1')
      const verdicts = await it.sink.write(numberedBatch(3), never)
      const rejection = expect.objectContaining({ rejected: expect.stringMatching(/./) as string }) as object
      expect(verdicts).toEqual(['delivered', rejection, 'delivered'])
      if (it.target.stored) expect(await storedIds(it.target)).toEqual(['api0', 'api2'])
    })

    itIf('busyOnce', 'asks for the one record again that the target was too busy for', async () => {
      await using it = await started()
      it.target.busyOnce?.('api2')
      expect(await it.sink.write(numberedBatch(3), never)).toEqual(['delivered', 'delivered', 'retry'])
      expect(await it.sink.write(numberedBatch(3).slice(2), never)).toEqual(['delivered'])
    })

    itIf('away', 'reports a target that is away and recovers by itself', async () => {
      await using it = await started()
      await it.target.away?.(true)
      await expect(it.sink.write(numberedBatch(2), never)).rejects.toBeInstanceOf(SinkUnavailableError)
      await expect(it.sink.check(never)).rejects.toBeInstanceOf(SinkUnavailableError)
      await it.target.away?.(false)
      expect(await it.sink.write(numberedBatch(2), never)).toEqual(['delivered', 'delivered'])
    })

    itIf('hang', 'ends a write that hangs when it is aborted', async () => {
      await using it = await started()
      it.target.hang?.()
      await expect(abortedWrite(it.sink)).rejects.toBeInstanceOf(SinkUnavailableError)
    })

    itIf('hang', 'ends a write that hangs when the sink is closed', async () => {
      await using it = await started()
      it.target.hang?.()
      const outcome = it.sink.write(numberedBatch(1), never).catch((error: unknown) => error)
      await it.sink.close()
      expect(await outcome).toBeInstanceOf(SinkUnavailableError)
    })
  })
}

function abortedWrite(sink: Sink): Promise<unknown> {
  const controller = new AbortController()
  const write = sink.write(numberedBatch(2), controller.signal)
  setImmediate(() => controller.abort())
  return write
}
