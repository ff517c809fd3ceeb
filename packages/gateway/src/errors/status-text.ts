import { STATUS_CODES } from 'node:http'

/** Where Go's reason phrases are not Node's; null: Go has none. */
const GO_TEXTS: Readonly<Record<number, string | null>> = {
  413: 'Request Entity Too Large',
  414: 'Request URI Too Long',
  416: 'Requested Range Not Satisfiable',
  418: "I'm a teapot",
  509: null,
}

/** The reason phrase that Go writes behind a status. */
export function statusText(status: number): string {
  const text = status in GO_TEXTS ? GO_TEXTS[status] : STATUS_CODES[status]
  return text ?? `status code ${status}`
}
