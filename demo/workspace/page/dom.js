/** Builds DOM nodes; no text is ever parsed as HTML. */

const PROPERTIES = new Set(["value", "checked", "disabled", "readOnly", "hidden", "open", "tabIndex"]);

export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) set(node, name, value);
  node.append(...present(children));
  return node;
}

export function fragment(...children) {
  const node = document.createDocumentFragment();
  node.append(...present(children));
  return node;
}

export function fill(node, ...children) {
  node.replaceChildren(...present(children));
  return node;
}

function present(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

function set(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "class") node.className = value;
  else if (name === "dataset") for (const [key, data] of Object.entries(value)) setData(node, key, data);
  else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (PROPERTIES.has(name)) node[name] = value;
  else node.setAttribute(name, value === true ? "" : value);
}

function setData(node, key, data) {
  if (data !== null && data !== undefined) node.dataset[key] = data;
}

let count = 0;

/** An id that is unique on the page, to tie labels to what they label. */
export function freshId(prefix) {
  count += 1;
  return `${prefix}-${count}`;
}

const STROKES = {
  check: "M5 12.5l4.5 4.5L19 7.5",
  cross: "M6 6l12 12M18 6L6 18",
  hash: "M9 4L7 20M17 4l-2 16M4 9h16M3.5 15h16",
  reply: "M4 5h16v11H11l-5 4v-4H4z",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  send: "M4 12l16-8-6 16-3-7z",
  plus: "M12 5v14M5 12h14",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  down: "M6 9.5l6 6 6-6",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.5a2.5 2.5 0 110 5 2.5 2.5 0 010-5z",
  warning: "M12 4l9 16H3zM12 10v4.5M12 17.2v.1",
  info: "M12 3.5a8.5 8.5 0 110 17 8.5 8.5 0 010-17zM12 11v5.5M12 7.7v.1",
  bolt: "M13 3L5 14h6l-1 7 8-11h-6z",
  thumb_up: "M8 11v9H4v-9zM8 11l4-8c2 0 2.6 1.6 2.2 3.2L13.5 9H20l-1.6 11H8",
  thumb_down: "M8 13V4H4v9zM8 13l4 8c2 0 2.6-1.6 2.2-3.2L13.5 15H20L18.4 4H8",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon icon-${name}`);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", STROKES[name] ?? STROKES.info);
  svg.append(path);
  return svg;
}

const SAFE_SCHEMES = new Set(["http:", "https:", "mailto:", "tel:"]);

/** The address if a click on it can run nothing, else null. */
export function safeUrl(address) {
  try {
    const url = new URL(String(address));
    return SAFE_SCHEMES.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A link, or its text with the refused address written out. */
export function link(address, ...children) {
  const url = safeUrl(address);
  const content = children.length ? children : [String(address)];
  if (!url)
    return h("span", { class: "refused-link", title: "This address is not opened" }, ...content, ` (${address})`);
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...content);
}

/** An image that shows its description where it cannot be loaded. */
export function image(address, description, className) {
  const url = safeUrl(address);
  const missing = () => h("span", { class: `${className} image-missing` }, description || "image");
  if (!url) return missing();
  const node = h("img", { src: url, alt: description ?? "", class: className, loading: "lazy" });
  node.addEventListener("error", () => node.replaceWith(missing()));
  return node;
}
