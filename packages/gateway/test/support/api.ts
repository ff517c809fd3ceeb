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
