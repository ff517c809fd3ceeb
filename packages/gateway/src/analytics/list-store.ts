import { Command } from 'ioredis'
import { LEDGER_IN, LEDGER_TTL_SECONDS, ledgerKey } from '@tek/analytics-record'
import type { RecordCounts } from './record-counts.ts'
import type { ListStore } from './writer.ts'
import type { ListElements } from './list-elements.ts'
import type { RedisClient } from '../redis/stores.ts'
import { AS_TEXT, isError, QUEUED, transact } from '../redis/transaction.ts'

/** So many records are in their list and not in the ledger. */
export type OnUncounted = (err: Error, records: number) => void

/** RPUSH whose bytes lie ready. The key is an argument as well: the client of a cluster finds the node by it. */
class Append extends Command {
  readonly #bytes: Buffer

  constructor(key: string, elements: ListElements) {
    super('rpush', [key], AS_TEXT)
    this.#bytes = elements.command(key)
  }

  override toWritable(): Buffer {
    return this.#bytes
  }
}

/** Books the records of one API and one minute. */
class Count extends Command {
  readonly #key: string
  readonly #apiId: string
  readonly records: number

  /** @param apiId - A text of bytes, as everything in a record. */
  constructor(key: string, apiId: string, records: number) {
    super('hincrby', [key, Buffer.from(LEDGER_IN + apiId, 'latin1'), records], AS_TEXT)
    this.#key = key
    this.#apiId = apiId
    this.records = records
  }

  reversed(): Count {
    return new Count(this.#key, this.#apiId, -this.records)
  }
}

/** The elements of one list, and how long it may live. */
interface Appending {
  readonly client: RedisClient
  readonly key: string
  readonly elements: ListElements
  readonly ttlSeconds: number | null
}

/**
 * Appends records to a Redis list, and to the list's ledger how many there are.
 *
 * Both are one transaction: whoever compares the ledger with what became of the records finds each of them in both or in
 * neither, also when a connection, Redis or its node dies in between, and a batch that is sent again because an answer
 * was lost is counted as often as it is in the list. The keys share a slot, so a cluster does it as well.
 *
 * The list's life begins anew with each batch. Tyk sets it once when the list appears, so that records written just
 * before its end vanish with it.
 */
export function createListStore(client: RedisClient, onUncounted: OnUncounted): ListStore {
  return {
    async append(key, elements, ttlSeconds, counts) {
      const appending: Appending = { client, key, elements, ttlSeconds }
      if (counts === null) return push(appending)
      const refusal = await pushCounted(appending, counts, onUncounted)
      if (refusal === null) return
      // Records are worth more than their number.
      await push(appending)
      onUncounted(refusal, elements.count)
    },
  }
}

async function push(appending: Appending): Promise<void> {
  const append = new Append(appending.key, appending.elements)
  appending.client.sendCommand(append)
  prolong(appending)
  await append.promise
}

/** One command later on the same connection. The records are there whatever becomes of it. */
function prolong({ client, key, ttlSeconds }: Appending): void {
  if (ttlSeconds !== null) client.expire(key, ttlSeconds).catch(() => {})
}

/**
 * Appends and counts.
 *
 * @returns null; or, with nothing done, why Redis will not keep a ledger.
 * @throws Error when the records were refused, or nobody knows whether they arrived.
 */
async function pushCounted(
  appending: Appending,
  counts: RecordCounts,
  onUncounted: OnUncounted,
): Promise<Error | null> {
  const { client, key, elements } = appending
  const ledger = ledgerCommands(key, counts)
  const sent = transact(client, [...ledger, new Append(key, elements)])
  prolong(appending)
  const outcome = await sent
  if (outcome.kind === 'failed') {
    const refusal = outcome.answers.at(-1) === QUEUED ? refusalOf(outcome.answers) : undefined
    if (refusal === undefined) throw outcome.reason
    return refusal
  }
  const pushed = outcome.results.at(-1)
  if (isError(pushed)) {
    takeBack(client, ledger, outcome.results)
    throw pushed
  }
  report(ledger, outcome.results, onUncounted)
  return null
}

function ledgerCommands(list: string, counts: RecordCounts): Command[] {
  const commands: Command[] = []
  for (const [minute, apis] of counts.minutes) {
    const key = ledgerKey(list, minute)
    for (const [apiId, records] of apis) commands.push(new Count(key, apiId, records))
    commands.push(new Command('expire', [key, LEDGER_TTL_SECONDS], AS_TEXT))
  }
  return commands
}

/**
 * What will be said to a ledger again next time, as of a user's rights or a disabled command. Other errors are those of
 * the moment: then the whole is tried again.
 */
const refusalOf = (answers: readonly unknown[]): Error | undefined =>
  answers.filter(isError).find(({ message }) => /^(NOPERM|ERR) /.test(message))

/** A transaction goes on behind a command that fails, so the ledger has what the list, which may be none, has not. */
function takeBack(client: RedisClient, ledger: readonly Command[], results: readonly unknown[]): void {
  for (const [i, command] of ledger.entries()) {
    if (!(command instanceof Count) || isError(results[i])) continue
    const reversed = command.reversed()
    reversed.promise.catch(() => {})
    client.sendCommand(reversed)
  }
}

function report(ledger: readonly Command[], results: readonly unknown[], onUncounted: OnUncounted): void {
  let records = 0
  for (const [i, command] of ledger.entries()) {
    if (command instanceof Count && isError(results[i])) records += command.records
  }
  const reason = results.find(isError)
  if (reason !== undefined && records > 0) onUncounted(reason, records)
}
