/** Files as messages carry them. */

import { fileUrl } from "./api.js";
import { h, icon, image } from "./dom.js";
import { size } from "./time.js";

export function fileCard(file) {
  const address = fileUrl(file);
  const name = file.title || file.name || file.id;
  const facts = [
    file.name !== name && file.name,
    Number.isFinite(file.size) && size(file.size),
    file.pretty_type ?? file.filetype,
  ].filter(Boolean);
  return h(
    "div",
    { class: "file", dataset: { fileId: file.id } },
    address && file.mimetype?.startsWith("image/")
      ? image(address, file.alt_txt ?? name, "file-preview")
      : h("span", { class: "file-icon" }, icon("file")),
    h(
      "div",
      { class: "file-facts" },
      h("div", { class: "file-name" }, name),
      h("div", { class: "quiet" }, facts.join(" · ")),
    ),
    address &&
      h(
        "a",
        {
          class: "icon-button",
          href: address,
          download: file.name ?? "",
          "aria-label": `Download ${name}`,
          title: "Download",
        },
        icon("download"),
      ),
  );
}
