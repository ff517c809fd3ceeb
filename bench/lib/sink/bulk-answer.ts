/** Builds what Elasticsearch answers to a bulk request that stored everything. */
export interface BulkAnswers {
  /** @param filterPath - The parameter `filter_path` of the request, or null. */
  answer(documents: number, filterPath: string | null): Buffer
}

/** One item as Elasticsearch 8 sends it, with an id of the length the pump makes. */
const ITEM = {
  _index: 'tyk_analytics',
  _id: 'AAAAAAAAAAAAAAAAAAAAAA',
  _version: 1,
  result: 'created',
  _shards: { total: 2, successful: 1, failed: 0 },
  _seq_no: 0,
  _primary_term: 1,
  status: 201,
}

/** Answers of one size are made once. */
export function createBulkAnswers(): BulkAnswers {
  const made = new Map<string, Buffer>()
  return {
    answer(documents, filterPath) {
      const name = `${documents} ${filterPath ?? ''}`
      let answer = made.get(name)
      if (answer === undefined) {
        answer = Buffer.from(JSON.stringify(filterPath === null ? whole(documents) : filtered(documents, filterPath)))
        made.set(name, answer)
      }
      return answer
    },
  }
}

const whole = (documents: number): object => ({
  took: 5,
  errors: false,
  items: Array.from({ length: documents }, () => ({ create: ITEM })),
})

/** Elasticsearch leaves out what no path names, and the list of items when nothing is left in it. */
function filtered(documents: number, filterPath: string): object {
  const paths = filterPath.split(',')
  const names = Object.keys(ITEM).filter((name) =>
    paths.some((path) => /^items(\.\*)+$/.test(path) || path.endsWith(`.${name}`)),
  )
  const item = Object.fromEntries(Object.entries(ITEM).filter(([name]) => names.includes(name)))
  return {
    ...(paths.includes('took') && { took: 5 }),
    ...(paths.includes('errors') && { errors: false }),
    ...((names.length > 0 || paths.includes('items')) && {
      items: Array.from({ length: documents }, () => ({ create: paths.includes('items') ? ITEM : item })),
    }),
  }
}
