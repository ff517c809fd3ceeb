import path from 'node:path'
import type { Log } from '../../log/log.ts'
import { compileTemplate } from '../template/index.ts'
import type { GatewayEvent } from '../types.ts'
import { openTemplateFile } from './template-file.ts'

/** What a webhook sends. */
export interface WebhookBody {
  /** Rejects with a TemplateRenderError when the template asks for what the event lacks. */
  render(event: GatewayEvent): Promise<WebhookText>
}

export interface WebhookText {
  readonly text: string
  /** It is JSON as far as the name of its template tells. */
  readonly isJson: boolean
}

const DEFAULT_FILE = 'default_webhook.json'

/** Every event has `event` and `message`; the rest is what its kind has to tell. */
const BUILT_IN = `{{if eq .Type "TriggerExceeded"}}
{
    "event": "{{.Type}}",
    "message": "{{.Meta.Message}}",
    "org": "{{.Meta.OrgID}}",
    "key": "{{.Meta.Key}}",
    "trigger_limit": "{{.Meta.TriggerLimit}}"
}
{{else if eq .Type "TokenCreated" "TokenUpdated" "TokenDeleted"}}
{
    "event": "{{.Type}}",
    "message": "{{.Meta.Message}}",
    "org": "{{.Meta.Org}}",
    "key": "{{.Meta.Key}}"
}
{{else}}
{
    "event": "{{.Type}}",
    "message": "{{.Meta.Message}}",
    "path": "{{.Meta.Path}}",
    "origin": "{{.Meta.Origin}}",
    "key": "{{.Meta.Key}}"
}
{{end}}`

/**
 * Opens the template of a webhook. While it cannot be used, which is reported, `default_webhook.json` of the template
 * folder stands in for it, or else the built-in text.
 *
 * @param templatePath - relative to the working directory; empty: none of its own.
 * @param log - knows where the webhook stands.
 */
export function openWebhookBody(templatePath: string, templateFolder: string, log: Log): WebhookBody {
  const report = (file: string, message: string, err: Error): void => log.error({ file, reason: err.message }, message)
  const own =
    templatePath === ''
      ? null
      : openTemplateFile(templatePath, (err) =>
          report(templatePath, 'Custom template load failure, using default', err),
        )
  const sharedPath = path.join(templateFolder, DEFAULT_FILE)
  const shared = openTemplateFile(sharedPath, (err) => {
    // Few have this file.
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return
    report(sharedPath, 'Default template load failure, using the built-in one', err)
  })
  const builtIn = compileTemplate(BUILT_IN)
  return {
    async render(event) {
      await Promise.all([own?.refresh(), shared.refresh()])
      const ownRender = own?.render ?? null
      if (ownRender !== null) return { text: ownRender(event), isJson: templatePath.endsWith('.json') }
      return { text: (shared.render ?? builtIn)(event), isJson: true }
    },
  }
}
