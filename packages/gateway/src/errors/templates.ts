import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Log } from '../log/log.ts'

/** Renders the body of a gateway error. */
export interface ErrorTemplates {
  /**
   * @param requestContentType - The request's Content-Type decides between JSON and XML; Accept is not looked at.
   */
  render(status: number, message: string, requestContentType: string | null): RenderedError
}

export interface RenderedError {
  readonly contentType: string
  readonly body: string
}

const BUILT_IN: Readonly<Record<string, string>> = {
  'error.json': '{\n    "error": "{{.Message}}"\n}',
  'error.xml': '<?xml version = "1.0" encoding = "UTF-8"?>\n<error>{{.Message}}</error>\n',
}

const XML_TYPES = new Set(['application/xml', 'text/xml', 'application/soap+xml'])

/** Longer than any message that does not hold a client's text. */
const MAX_KEPT_KEY_LENGTH = 200

type Template = (message: string, status: number) => string

/** Serves where nothing else fits, also for XML. */
const LAST_RESORT = 'error.json'

/**
 * Loads `error*.json` and `error*.xml` from the template folder. One that has any stands for itself: of the built-in
 * templates only `error.json` remains, as the last resort.
 *
 * A template with actions other than `.Message` and `.StatusCode` is skipped with an error; the rest serve.
 */
export function loadErrorTemplates(directory: string, log: Log): ErrorTemplates {
  const templates = new Map<string, Template>()
  const add = (file: string, text: string): void => {
    templates.set(file, compileTemplate(text, file.endsWith('.xml') ? escapeXml : escapeJson))
  }
  for (const file of templateFiles(directory)) {
    const full = path.join(directory, file)
    try {
      add(file, readFileSync(full, 'utf8'))
    } catch (err) {
      log.error({ err, file: full }, 'Error template skipped')
    }
  }
  const hasOwn = templates.size > 0
  for (const [file, text] of Object.entries(BUILT_IN)) {
    if (!templates.has(file) && (!hasOwn || file === LAST_RESORT)) add(file, text)
  }
  const rendered = new Map<string, RenderedError>()
  return {
    render(status, message, requestContentType) {
      const type = xmlTypeOf(requestContentType)
      const key = `${status} ${type ?? ''} ${message}`
      let result = rendered.get(key)
      if (result === undefined) {
        result = renderWith(templates, status, message, type)
        // Messages are few and fixed, but some tell what the client sent: the cache must not grow with them.
        if (rendered.size < 1000 && key.length <= MAX_KEPT_KEY_LENGTH) rendered.set(key, result)
      }
      return result
    },
  }
}

function templateFiles(directory: string): string[] {
  if (directory === '') return []
  try {
    return readdirSync(directory).filter((file) => /^error.*\.(json|xml)$/.test(file))
  } catch {
    // No folder: the built-in templates serve.
    return []
  }
}

function xmlTypeOf(contentType: string | null): string | null {
  if (contentType === null) return null
  const semicolon = contentType.indexOf(';')
  const type = semicolon === -1 ? contentType : contentType.slice(0, semicolon)
  return XML_TYPES.has(type) ? type : null
}

function renderWith(
  templates: ReadonlyMap<string, Template>,
  status: number,
  message: string,
  xmlType: string | null,
): RenderedError {
  const extension = xmlType === null ? 'json' : 'xml'
  const own = templates.get(`error_${status}.${extension}`) ?? templates.get(`error.${extension}`)
  if (own !== undefined) return { contentType: xmlType ?? 'application/json', body: own(message, status) }
  const fallback = templates.get(LAST_RESORT) as Template
  return { contentType: 'application/json', body: fallback(message, status) }
}

const ACTION = /\{\{-?\s*(.*?)\s*-?\}\}/g

function compileTemplate(text: string, escape: (text: string) => string): Template {
  for (const [action, expression] of text.matchAll(ACTION)) {
    if (expression !== '.Message' && expression !== '.StatusCode') {
      throw new Error(`unsupported template action ${action}: only {{.Message}} and {{.StatusCode}} are known`)
    }
  }
  return (message, status) =>
    text.replace(ACTION, (_, expression: string) => (expression === '.Message' ? escape(message) : String(status)))
}

/** As Go's JSEscape does, but for the apostrophe, which Tyk writes as `\'` and so makes the JSON invalid. */
function escapeJson(text: string): string {
  return text.replace(/["\\<>&='\u0000-\u001f\u007f\u2028\u2029]/g, (char) =>
    char === '"' || char === '\\'
      ? `\\${char}`
      : `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
  )
}

const XML_ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
}

const escapeXml = (text: string): string => text.replace(/[&<>"']/g, (char) => XML_ENTITIES[char] as string)
