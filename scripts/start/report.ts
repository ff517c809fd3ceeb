/** What `npm start` shows: the welcome text, a line per shipped batch, and log lines that a person should see. */
import { ARTICLE_TOKEN } from './article.ts'
import type { StartOptions } from './options.ts'
import type { Stack } from './stack.ts'

const SHIPPED = /Purged (\d+) records/
const WORTH_SHOWING =
  /(level=(warn|warning|error|fatal|panic)\b|"level":"(warn|warning|error|fatal|panic)"|\b(WARN|ERROR|FATAL|PANIC)\b)/

/** Advice for a machine that others reach; the stack is open to this one alone. */
const FOR_PRODUCTION = /for production/

export function welcome(options: StartOptions, stack: Stack): string {
  const gateway = `http://localhost:${options.gatewayPort}`
  const rows = [
    ['page', `http://localhost:${options.explorerPort}`, 'the traffic: open it in a browser'],
    ['gateway', gateway, `control API: header X-Tyk-Authorization: ${stack.files.secret}`],
    ['upstream', `http://localhost:${options.upstreamPort}`, 'a sample with the endpoints of httpbin'],
    ['pump', `http://localhost:${options.pumpPort}/health`, ''],
    ['records', stack.files.database, 'SQLite, table tyk_analytics'],
    ...(options.elasticsearchUrl ? [['', withoutPassword(options.elasticsearchUrl), 'index tyk_analytics']] : []),
    ['logs', stack.files.logsDir, options.verbose ? '' : 'or: npm start -- --verbose'],
  ]
  return [
    '',
    ...rows.map(
      ([name = '', where = '', remark = '']) => `  ${name.padEnd(9)} ${where}${remark ? `   (${remark})` : ''}`,
    ),
    '',
    'Try what the article tries:',
    '',
    `  curl ${gateway}/httpbin/get`,
    `  for i in $(seq 10); do curl -s ${gateway}/httpbin/get > /dev/null; done`,
    `  curl -i ${gateway}/httpbin/status/500`,
    `  curl ${gateway}/httpbin-jwt/get -H 'Authorization: ${ARTICLE_TOKEN}'`,
    '',
    options.traffic
      ? 'Sample traffic runs for ten minutes.'
      : 'Or let the page send sample traffic: it has a button for it. So does npm start -- --traffic.',
    '',
    'Ctrl-C ends everything.',
    '',
  ].join('\n')
}

/** Turns one log line of a program into the line to show, or undefined to keep it in its file only. */
export function shownLine(program: string, line: string, verbose: boolean): string | undefined {
  const shipped = program === 'pump' ? SHIPPED.exec(line)?.[1] : undefined
  if (shipped !== undefined && !verbose) return shippedLine(line, Number(shipped))
  if (!verbose && (!WORTH_SHOWING.test(line) || FOR_PRODUCTION.test(line))) return undefined
  return `${program.padEnd(8)} | ${line}`
}

function shippedLine(line: string, count: number): string {
  const sink = /(?:prefix=|"prefix":")([\w-]+)/.exec(line)?.[1]
  const time = new Date().toTimeString().slice(0, 8)
  return `${time}  ${count} ${count === 1 ? 'record' : 'records'} shipped${sink ? ` to ${sink.replace(/-pump$/, '')}` : ''}`
}

function withoutPassword(url: string): string {
  const shown = new URL(url)
  shown.username = ''
  shown.password = ''
  return shown.href
}
