/** A keyless definition that passes `/app/` on to an upstream. */
export function keylessApi(targetUrl: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  const { proxy, ...rest } = changes
  return {
    name: 'app',
    api_id: 'app',
    org_id: 'default',
    use_keyless: true,
    active: true,
    version_data: { not_versioned: true, versions: { Default: { name: 'Default', use_extended_paths: true } } },
    proxy: { listen_path: '/app/', target_url: targetUrl, strip_listen_path: true, ...(proxy as object | undefined) },
    ...rest,
  }
}

/** A keyless definition with this id and name, and `/<id>/` for its listen path unless the changes say otherwise. */
export function apiAt(id: string, targetUrl: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  const proxy = { listen_path: `/${id}/`, ...(changes['proxy'] as object | undefined) }
  return keylessApi(targetUrl, { api_id: id, name: id, ...changes, proxy })
}

/** The part of a definition with these settings in its one version. */
export const withVersion = (version: Record<string, unknown>): Record<string, unknown> => ({
  version_data: {
    not_versioned: true,
    versions: { Default: { name: 'Default', use_extended_paths: true, ...version } },
  },
})
