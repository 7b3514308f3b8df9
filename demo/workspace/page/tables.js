/** Table blocks: the first row is the head, as Slack shows it. */

import { h } from "./dom.js";
import { richText } from "./richtext.js";
import { guarded } from "./unknown.js";

export function table(block) {
  const [head, ...body] = block.rows ?? [];
  return h(
    "div",
    { class: "table-scroll", tabIndex: 0, role: "group", "aria-label": "Table" },
    h(
      "table",
      { class: "data-table" },
      head && h("thead", {}, row(head, "th", block)),
      h(
        "tbody",
        {},
        body.map((cells) => row(cells, "td", block)),
      ),
    ),
  );
}

const ROW_HEAD = -1;

function row(cells, tag, block) {
  const headColumn = block.row_header_column_index ?? ROW_HEAD;
  return h(
    "tr",
    {},
    (cells ?? []).map((cell, column) => {
      const isHead = tag === "td" && column === headColumn;
      return h(
        isHead ? "th" : tag,
        { class: cellClass(cell, column, block), scope: isHead ? "row" : tag === "th" ? "col" : null },
        guarded(cell, "cell", content),
      );
    }),
  );
}

function cellClass(cell, column, block) {
  const settings = block.column_settings?.[column];
  const align = settings?.align ?? (cell?.type === "raw_number" ? "right" : "left");
  return `align-${align}${settings?.is_wrapped ? " is-wrapped" : ""}`;
}

function content(cell) {
  if (cell?.type === "rich_text") return richText(cell);
  if (cell?.type === "raw_text" || cell?.type === "raw_number") return h("span", {}, cell.text ?? String(cell.value));
  return h("code", { class: "unknown-inline" }, JSON.stringify(cell));
}

/** A table with a caption, a page at a time. */
export function dataTable(block) {
  const [head, ...body] = block.rows ?? [];
  const pageSize = block.page_size ?? Math.max(body.length, 1);
  const pages = Math.max(Math.ceil(body.length / pageSize), 1);
  const holder = h("div");
  const show = (page) => {
    const slice = body.slice(page * pageSize, (page + 1) * pageSize);
    const turn = (target, words) =>
      h(
        "button",
        {
          type: "button",
          class: "button button-small",
          disabled: target < 0 || target >= pages,
          onclick: () => show(target),
        },
        words,
      );
    holder.replaceChildren(
      table({ ...block, rows: [head, ...slice] }),
      ...(pages > 1
        ? [
            h(
              "div",
              { class: "pages" },
              turn(page - 1, "Previous"),
              h("span", { class: "quiet" }, `${page + 1} of ${pages}`),
              turn(page + 1, "Next"),
            ),
          ]
        : []),
    );
  };
  show(0);
  return h("figure", { class: "figure" }, block.caption && h("figcaption", {}, block.caption), holder);
}
