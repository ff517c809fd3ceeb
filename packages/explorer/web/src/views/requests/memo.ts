import { Component, type ComponentChildren, type ComponentType } from 'preact'

/** Draws a component again only when one of its properties is another. */
export function memo<P extends object>(draw: (properties: P) => ComponentChildren): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const after: Readonly<Record<string, unknown>> = { ...next }
      return Object.entries(this.props).some(([key, value]) => key !== 'children' && after[key] !== value)
    }

    override render(properties: P): ComponentChildren {
      return draw(properties)
    }
  }
}
