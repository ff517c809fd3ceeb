import { useState } from 'preact/hooks'
import { about } from '../../api/about.ts'
import { Icon } from '../../components/icons.tsx'
import { Popover } from '../../components/popover.tsx'
import { fieldLabel } from '../../format/fields.ts'
import { go } from '../../state/location.ts'
import { moveColumn, storedColumns } from './columns.ts'

/** Which columns the table has, and in which order. */
export function ColumnChooser({ columns }: { readonly columns: readonly string[] }) {
  return (
    <Popover
      label="Columns"
      panelClass="columns-panel"
      align="right"
      buttonClass="button small"
      button={
        <>
          <Icon name="columns" />
          <span>Columns</span>
        </>
      }
    >
      {() => <Panel columns={columns} />}
    </Popover>
  )
}

function Panel({ columns }: { readonly columns: readonly string[] }) {
  const [wanted, setWanted] = useState('')
  const fields = (about.value?.fields ?? []).filter(({ available }) => available)
  const docs = new Map(fields.map(({ name, doc }) => [name, doc]))
  const set = (next: readonly string[]): void => go({ columns: storedColumns(next) }, 'replace')
  const matches = (name: string): boolean => `${name} ${fieldLabel(name)}`.toLowerCase().includes(wanted.toLowerCase())
  const others = fields.filter(({ name, kind }) => !columns.includes(name) && kind !== 'text')
  return (
    <>
      <input
        type="text"
        class="field"
        placeholder="Find a field"
        aria-label="Find a field"
        value={wanted}
        onInput={(event) => setWanted(event.currentTarget.value)}
      />
      <div class="panel-scroll">
        <h3>Shown</h3>
        <ul class="column-list">
          {columns.filter(matches).map((name) => (
            <li key={name} title={docs.get(name)}>
              <label>
                <input
                  type="checkbox"
                  checked
                  disabled={columns.length === 1}
                  onChange={() => set(columns.filter((column) => column !== name))}
                />
                <span>{fieldLabel(name)}</span>
                <code>{name}</code>
              </label>
              <button
                type="button"
                class="icon-button"
                aria-label={`Move ${fieldLabel(name)} to the left`}
                title="To the left"
                disabled={columns[0] === name}
                onClick={() => set(moveColumn(columns, name, -1))}
              >
                <Icon name="up" />
              </button>
              <button
                type="button"
                class="icon-button"
                aria-label={`Move ${fieldLabel(name)} to the right`}
                title="To the right"
                disabled={columns.at(-1) === name}
                onClick={() => set(moveColumn(columns, name, 1))}
              >
                <Icon name="down" />
              </button>
            </li>
          ))}
        </ul>
        <h3>Not shown</h3>
        <ul class="column-list">
          {others
            .filter(({ name }) => matches(name))
            .map(({ name, doc }) => (
              <li key={name} title={doc}>
                <label>
                  <input type="checkbox" checked={false} onChange={() => set([...columns, name])} />
                  <span>{fieldLabel(name)}</span>
                  <code>{name}</code>
                </label>
              </li>
            ))}
        </ul>
      </div>
      <button type="button" class="button small" onClick={() => go({ columns: [] }, 'replace')}>
        As at the start
      </button>
    </>
  )
}
