// How long does it take from a record's bytes to a JSON document of some of its fields: through the decoded record and
// its texts, or copied? And how long to find the fields?
// Run: node --conditions=source bench/json-copier.bench.ts
import {
  type AnalyticsRecord,
  JsonCopier,
  RecordBlock,
  byteRun,
  decodeRecord,
  encodeRecord,
  fieldIndex,
  formatInstant,
  goJson,
  goJsonString,
  locateFields,
} from '@tek/analytics-record'
import { compare } from '../../../bench/lib/compare.ts'
import { workloads } from './support/records.ts'

const TEXTS = ['alias', 'apiId', 'apiKey', 'apiName', 'apiVersion', 'method', 'ipAddress', 'orgId', 'path', 'rawPath']
const fields = (TEXTS as (keyof AnalyticsRecord)[]).map((name) => ({
  name,
  index: fieldIndex(name),
  member: byteRun(Buffer.from(`,"${name}":`)),
}))
const [TIMESTAMP, STATUS, TAGS] = [fieldIndex('timestamp'), fieldIndex('responseCode'), fieldIndex('tags')]
const TIME_MEMBER = byteRun(Buffer.from('{"@timestamp":'))
const STATUS_MEMBER = byteRun(Buffer.from(',"response_code":'))
const TAGS_MEMBER = byteRun(Buffer.from(',"tags":'))

function printed(record: AnalyticsRecord): string {
  let text = `{"@timestamp":"${formatInstant(record.timestamp)}"`
  for (const { name } of fields) text += `,"${name}":${goJsonString(record[name] as string)}`
  return `${text},"response_code":${record.responseCode},"tags":${goJson(record.tags)}}`
}

function copy(copier: JsonCopier): void {
  copier.run(TIME_MEMBER)
  copier.instant(TIMESTAMP)
  for (const { member, index } of fields) {
    copier.run(member)
    copier.text(index)
  }
  copier.run(STATUS_MEMBER)
  copier.int(STATUS)
  copier.run(TAGS_MEMBER)
  copier.texts(TAGS)
  copier.byte(0x7d)
}

for (const { name, records } of workloads()) {
  const mask = records.length - 1
  const elements = records.map((record) => Buffer.from(encodeRecord(record)))
  const block = new RecordBlock(elements)
  const out = Buffer.alloc(100_000)
  const copier = new JsonCopier()
  copier.start(100_000)
  compare(`bytes to JSON: ${name}`, [
    {
      name: 'locateFields, JsonCopier',
      run(call) {
        copier.position = 0
        locateFields(block, call & mask)
        copier.turnTo(block, call & mask, 1000)
        copy(copier)
        return copier.position
      },
    },
    { name: 'decodeRecord, texts', run: (call) => out.write(printed(decodeRecord(elements[call & mask]!))) },
    { name: 'locateFields alone', run: (call) => locateFields(block, call & mask) },
  ])
}
