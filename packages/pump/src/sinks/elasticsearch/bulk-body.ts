// Hot path.
import {
  type ByteRun,
  type FieldKind,
  JsonCopier,
  RECORD_FIELDS,
  byteRun,
  fieldIndex,
  goJsonString,
  secondsIn,
} from '@tek/analytics-record'
import type { ConfigOf } from '../../config/section.ts'
import type { LocatedRecord, PumpRecord, Rejection } from '../types.ts'
import { decodeBase64Text } from './base64.ts'
import { DOCUMENT_MEMBERS } from './document-members.ts'
import { type Encoder, notEncodable } from './encode.ts'
import type { elasticsearchOptions } from './options.ts'

type Options = ConfigOf<typeof elasticsearchOptions>

export interface BulkBody {
  readonly bytes: Buffer
  /** Documents in it. */
  readonly count: number
  /** Records of the batch that have no document form, by their place in the batch. */
  readonly rejections: ReadonlyMap<number, Rejection>
}

/** How a member of the document is copied. `decoded`: a base64 text that is sent decoded. */
type Manner = FieldKind | 'decoded'

interface Member {
  /** The comma before it, its name and the colon. */
  readonly run: ByteRun
  readonly field: number
  readonly manner: Manner
}

const END = byteRun(Buffer.from('}\n'))
const AFTER_ID = byteRun(Buffer.from('"}}\n'))
const NONE: ReadonlyMap<number, Rejection> = new Map()

/** Every constant byte of two lines, with room to spare; names of indices come on top. */
const CONSTANT_BYTES = 1024

/**
 * Writes bulk bodies. Documents of records whose fields are located are copied from the bytes in which they came from Redis;
 * the others are printed by the encoder. Both give the same bytes (bulk-body.test.ts).
 */
export class BulkWriter {
  readonly #encoder: Encoder
  readonly #members: readonly Member[]
  readonly #copier = new JsonCopier()
  /** The begin of an action line up to the id, for the index and type of the record before. */
  #action = { index: '', type: null as string | null, run: byteRun(Buffer.alloc(0)) }

  constructor(options: Options, encoder: Encoder) {
    this.#encoder = encoder
    this.#members = compileMembers(options)
  }

  /** @param type - null on servers without mapping types. */
  write(batch: readonly PumpRecord[], type: string | null): BulkBody {
    const copier = this.#copier
    copier.start(sizeOf(batch))
    let rejections: Map<number, Rejection> | null = null
    for (let i = 0; i < batch.length; i++) {
      const { position } = copier
      try {
        const entry = batch[i]!
        if (entry.located) this.#copy(entry.located, type)
        else this.#print(entry, type)
      } catch (error) {
        copier.position = position
        rejections ??= new Map()
        rejections.set(i, notEncodable(error))
      }
    }
    return {
      bytes: copier.written(),
      count: batch.length - (rejections?.size ?? 0),
      rejections: rejections ?? NONE,
    }
  }

  #print({ record, id }: PumpRecord, type: string | null): void {
    const encoder = this.#encoder
    this.#copier.utf8(`${encoder.actionLine(encoder.indexOf(record), id, type)}\n${encoder.document(record)}\n`)
  }

  #copy(located: LocatedRecord, type: string | null): void {
    const { block, index } = located
    const copier = this.#copier
    const action = this.#actionFor(this.#encoder.indexAt(secondsIn(block, index)), type)
    copier.turnTo(block, index, CONSTANT_BYTES + action.length)
    copier.run(action)
    located.writeId(copier)
    copier.run(AFTER_ID)
    for (const { run, field, manner } of this.#members) {
      copier.run(run)
      if (manner === 'string') copier.text(field)
      else if (manner === 'strings') copier.texts(field)
      else if (manner === 'instant') copier.instant(field)
      else if (manner === 'decoded') copier.utf8(goJsonString(decodeBase64Text(copier.textOf(field))))
      else copier.int(field)
    }
    copier.run(END)
  }

  #actionFor(index: string, type: string | null): ByteRun {
    const last = this.#action
    if (last.index === index && last.type === type) return last.run
    const line = this.#encoder.actionLine(index, '', type)
    const run = byteRun(Buffer.from(line.slice(0, line.lastIndexOf('"}}'))))
    this.#action = { index, type, run }
    return run
  }
}

/** Documents are smaller than the records they are of, unless most of their text is escaped. */
function sizeOf(batch: readonly PumpRecord[]): number {
  let bytes = CONSTANT_BYTES
  for (let i = 0; i < batch.length; i++) bytes += batch[i]!.sizeBytes
  return bytes
}

function compileMembers({ extended_stats, decode_base64 }: Options): Member[] {
  const members = DOCUMENT_MEMBERS.filter(({ extended }) => extended_stats || !extended)
  return members.map(({ name, field }, i): Member => {
    const index = fieldIndex(field)
    const isRaw = field === 'rawRequest' || field === 'rawResponse'
    const manner = isRaw && decode_base64 ? 'decoded' : RECORD_FIELDS[index]!.kind
    return { run: byteRun(Buffer.from(`${i === 0 ? '{' : ','}"${name}":`)), field: index, manner }
  })
}
