// Hot path.
import {
  type AnalyticsRecord,
  ZERO_INSTANT,
  type RecordBlock,
  type Serialisation,
  apiIdIn,
  decodeRecordIn,
  decodeRecordProtobuf,
  locateFields,
  nanosIn,
  secondsIn,
} from '@tek/analytics-record'
import { type IdTarget, recordId, writeRecordId } from './record-id.ts'

/**
 * One element of a source list. What a sink may do without is made when it is asked for first: the decoded record, the
 * view of its bytes, its id.
 */
export class Element {
  readonly block: RecordBlock
  /** Its number in the block. */
  readonly index: number
  /** Itself, when its fields are located in the block. */
  readonly located: Element | null
  /** Why the bytes are no record; null: they are one. */
  readonly error: string | null
  #record: AnalyticsRecord | null
  #id: string | null = null

  /** @param record - null: not decoded yet, or no record. */
  constructor(block: RecordBlock, index: number, record: AnalyticsRecord | null, error: string | null = null) {
    this.block = block
    this.index = index
    this.located = record === null && error === null ? this : null
    this.error = error
    this.#record = record
  }

  /** Must not be asked for when there is an `error`. */
  get record(): AnalyticsRecord {
    return (this.#record ??= decodeRecordIn(this.block, this.index))
  }

  /** As `record.apiId`, without making the record. Must not be asked for when there is an `error`. */
  get apiId(): string {
    return this.#record === null ? apiIdIn(this.block, this.index) : this.#record.apiId
  }

  /** As `record.timestamp.seconds`, without making the record. */
  get seconds(): number {
    return this.#record === null ? secondsIn(this.block, this.index) : this.#record.timestamp.seconds
  }

  /** The bytes as they lay in the list. They keep the whole block in memory. */
  get raw(): Buffer {
    return this.block.raw(this.index)
  }

  get sizeBytes(): number {
    return this.block.sizeOf(this.index)
  }

  get id(): string {
    return (this.#id ??= recordId(this.raw, this.error === null ? this.record.timestamp : ZERO_INSTANT))
  }

  /** Of a located record, whose `id` is then never made. */
  writeId(into: IdTarget): void {
    const { block, index } = this
    writeRecordId(into, block.raw(index), secondsIn(block, index), nanosIn(block, index))
  }
}

/** The elements of a block. Never throws: what is no record says so. */
export function readElements(block: RecordBlock, serialisation: Serialisation): readonly Element[] {
  const elements: Element[] = []
  const isMsgpack = serialisation === 'msgpack'
  for (let index = 0; index < block.length; index++) {
    elements.push(
      isMsgpack && locateFields(block, index)
        ? new Element(block, index, null)
        : decodeElement(block, index, isMsgpack),
    )
  }
  return elements
}

/** Only decoding tells whether it is a record at all. */
function decodeElement(block: RecordBlock, index: number, isMsgpack: boolean): Element {
  try {
    return new Element(block, index, isMsgpack ? decodeRecordIn(block, index) : decodeRecordProtobuf(block.raw(index)))
  } catch (error) {
    return new Element(block, index, null, (error as Error).message)
  }
}
