import type { ConfigOf } from '../../config/section.ts'
import type { PumpRecord, Rejection } from '../types.ts'
import { type BulkBody, BulkWriter } from './bulk-body.ts'
import { createEncoder, type Encoder, notEncodable } from './encode.ts'
import { createDataStreamEncoder, RAW_PATHS } from './encode-data-stream.ts'
import type { elasticsearchOptions } from './options.ts'
import { guiltyField, guiltyPath } from './quarantine.ts'
import type { FieldIn } from './verdicts.ts'

export interface BodyWriter {
  /** @param type - null on servers without mapping types. */
  write(batch: readonly PumpRecord[], type: string | null): BulkBody
}

/** What documents look like, and all that depends on it. */
export interface Form {
  readonly encoder: Encoder
  readonly writer: BodyWriter
  /** Names of the raw texts in a document. */
  readonly rawFields: readonly string[]
  readonly fieldIn: FieldIn
}

export function createForm(options: ConfigOf<typeof elasticsearchOptions>): Form {
  if (options.data_stream !== '') {
    const encoder = createDataStreamEncoder(options)
    return { encoder, writer: printingWriter(encoder), rawFields: RAW_PATHS, fieldIn: guiltyPath }
  }
  const encoder = createEncoder(options)
  const writer = new BulkWriter(options, encoder)
  return { encoder, writer, rawFields: ['raw_request', 'raw_response'], fieldIn: guiltyField }
}

/** For documents that are not made of copies of the record's bytes. */
function printingWriter(encoder: Encoder): BodyWriter {
  return {
    write(batch, type) {
      const rejections = new Map<number, Rejection>()
      let text = ''
      for (const [at, entry] of batch.entries()) {
        try {
          const { record, id } = entry
          text += `${encoder.actionLine(encoder.indexOf(record), id, type)}\n${encoder.document(record)}\n`
        } catch (error) {
          rejections.set(at, notEncodable(error))
        }
      }
      return { bytes: Buffer.from(text), count: batch.length - rejections.size, rejections }
    },
  }
}
