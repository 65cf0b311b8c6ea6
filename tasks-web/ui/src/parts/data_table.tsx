/** The frame of a table. */

import type { ComponentChildren, JSX } from "preact";

interface DataTableProps {
  /** What the table is called by those who do not see it. */
  label: string;
  /** The heads of its columns; `false` of one that is not there. */
  columns: readonly (string | false)[];
  /** Whether cells are kept in one line, as in lists of records. */
  isList?: boolean;
  /** What is in the frame below the table. */
  after?: ComponentChildren;
  /** Its rows. */
  children: ComponentChildren;
}

/** A table that scrolls in its frame where it is wider than that. */
export function DataTable({ label, columns, isList = true, after, children }: DataTableProps): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table class={isList ? "list" : ""}>
        <thead>
          <tr>
            {columns.map(
              (name, index) =>
                name !== false && (
                  <th scope="col" key={index}>
                    {name}
                  </th>
                ),
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
      {after}
    </div>
  );
}
