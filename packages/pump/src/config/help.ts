export const HELP = `usage: tyk-pump [<flags>]
       tyk-pump check [--json] [--conf=FILE]
       tyk-pump dead-letters list|show|replay|drop [ID...] [<flags>] [--conf=FILE]
       tyk-pump ledger [--from=TIME] [--to=TIME] [--by=api] [<flags>] [--conf=FILE]
       tyk-pump leases list [--conf=FILE]
       tyk-pump leases release --sink=NAME|--missing|--folder=NAME [--yes] [--conf=FILE]

Moves analytics records from Redis to the configured sinks.

  check                Walk the way of a record, from the configuration to a query of each sink, and say where it ends.

  dead-letters list    Show records that a sink has refused, the newest first, with the reason.
  dead-letters show    Show one of them whole.
  dead-letters replay  Send them again to the sink that has refused them. Without --yes: say what that would be.
  dead-letters drop    Give them up. Without --yes: say what that would be.

  ledger               Show what became of the records of a time, for each sink, and whether any are missing.

  leases list          Show what waits in Redis for each sink.
  leases release       Give up what waits for a sink that no running pump has, or spilled records whose files are gone.
                       Without --yes: say what that would be.

Flags:
  -h, --help                     Show this help.
  -c, --conf="pump.conf"         Path to the config file.
      --demo=ORGID               Generate demo data for this organisation (not in this version).
      --demo-api=APIID           API of the demo data.
      --demo-api-version=VERSION Version of the API of the demo data.
      --demo-track-path          Track the path in the demo data.
      --demo-days=30             Days of demo data.
      --demo-records-per-hour=0  Demo records per hour; 0: a random number.
      --demo-future-data         Demo data from today forwards.
      --debug                    Log at level debug.
      --version                  Show the version.

Flags of commands:
      --yes                      Do what replay, drop or release says.
      --from=1h                  Records from this time on: 2026-11-28T15:00Z, or so long ago. With ledger.
      --to=now                   Records before this time.
      --api=ID                   Records of this API, by its id.
      --by=api                   One line per minute, hour, api, or total.
      --sink=NAME                Of this sink; for dead letters, - is what is no record and was for no sink.
      --reason=TEXT              Dead letters whose reason or type of error contains this text.
      --older-than=AGE           Dead letters older than this: 30s, 15m, 12h, 7d.
      --newer-than=AGE           Dead letters younger than this.
      --all                      All dead letters.
      --missing                  With release: spilled records whose files are missing from their folder.
      --folder=NAME              With release: spilled records in this folder, which no running pump has.
      --limit=50                 Dead letters that list shows; 0: all.
      --raw                      With show: also bodies, and the bytes of the record in base64.
      --json                     With check, ledger, list and show: JSON, one object per line.
`
