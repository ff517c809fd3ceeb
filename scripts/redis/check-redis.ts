import { Redis } from 'ioredis'

const DEADLINE_MS = 3000

/** Asks a Redis for a PONG. Returns what to tell somebody whose Redis does not give one, or undefined. */
export async function redisProblem(url: string, deadlineMs = DEADLINE_MS): Promise<string | undefined> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: deadlineMs,
    commandTimeout: deadlineMs,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    retryStrategy: () => null,
  })
  // The socket's own error says more than the one of the command that failed with it.
  let reason: string | undefined
  client.on('error', (error: Error) => {
    reason ??= textOf(error)
  })
  try {
    await client.connect()
    await client.ping()
    return undefined
  } catch (error) {
    return explain(new URL(url), reason ?? textOf(error as Error))
  } finally {
    client.disconnect()
  }
}

/** Node gives an error that stands for several, a refusal on two addresses say, an empty message. */
function textOf(error: Error): string {
  if (error.message !== '') return error.message
  return error instanceof AggregateError ? error.errors.map((one) => (one as Error).message).join('; ') : error.name
}

/** The URL's password stays out of it. */
function explain({ hostname, port }: URL, reason: string): string {
  const refused = /NOAUTH|WRONGPASS|invalid password|no password/i.test(reason)
  return [
    `REDIS_URL: the Redis at ${hostname}:${port || 6379} ${refused ? 'refuses the login' : 'does not answer'} (${reason}).`,
    refused
      ? 'Put the password into it:  REDIS_URL=redis://user:password@host:port npm start'
      : 'Start that Redis, or correct REDIS_URL.',
    'Or unset REDIS_URL: npm start then finds a Redis program and starts it.',
  ].join('\n')
}
