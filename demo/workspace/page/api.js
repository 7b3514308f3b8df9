/** The workspace's own HTTP API and its feed of changes. */

import { safeUrl } from "./dom.js";

const token = document.querySelector('meta[name="workspace-token"]').content;

export function get(path, query) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null);
  return ask(`/_workspace/${path}?${new URLSearchParams(given)}`, { headers: { "X-Workspace-Token": token } });
}

export function post(path, body) {
  const headers = { "Content-Type": "application/json", "X-Workspace-Token": token };
  return ask(`/_workspace/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
}

export async function upload(as, file) {
  const query = new URLSearchParams({ as, name: file.name });
  const sent = { method: "POST", headers: { "X-Workspace-Token": token }, body: file };
  return (await ask(`/_workspace/upload?${query}`, sent)).file;
}

async function ask(path, options) {
  const response = await fetch(path, options).catch(() => null);
  if (!response) throw new Error("The workspace does not answer. Is it still running?");
  const body = await response.json().catch(() => ({}));
  if (response.ok && body.ok !== false) return body;
  throw new Error(body.detail ?? body.error ?? `The workspace answered with HTTP ${response.status}.`);
}

const LOOPBACK = new Set(["127.0.0.1", "localhost"]);

/** A file's address: of another host as it is, of this workspace with the page's own right to open it. */
export function fileUrl(file) {
  const address = safeUrl(file.url_private_download ?? file.url_private);
  if (!address) return null;
  const url = new URL(address);
  if (!LOOPBACK.has(url.hostname) || url.port !== location.port) return address;
  url.host = location.host;
  url.searchParams.set("token", token);
  return url.href;
}

const FIRST_DELAY_MS = 300;
const LONGEST_DELAY_MS = 4000;

/** Follows one person's feed until the returned function is called; reconnects by itself. */
export function follow(as, { changed, status }) {
  let stopped = false;
  let delay = FIRST_DELAY_MS;
  let socket;
  const retry = async () => {
    if (stopped) return;
    status("reconnecting");
    await new Promise((resolve) => setTimeout(resolve, delay * (0.75 + Math.random() / 2)));
    delay = Math.min(delay * 2, LONGEST_DELAY_MS);
    if (await servesAnotherToken()) location.reload();
    else if (!stopped) connect();
  };
  const connect = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/_workspace/feed?${new URLSearchParams({ as, token })}`);
    socket.onopen = () => {
      delay = FIRST_DELAY_MS;
      status("live");
      changed({ everything: true });
    };
    socket.onmessage = (event) => changed(JSON.parse(event.data));
    socket.onclose = retry;
  };
  connect();
  return () => {
    stopped = true;
    socket.close();
  };
}

/** After a restart of the workspace our token is refused for ever; only a fresh page helps. */
async function servesAnotherToken() {
  const response = await fetch("/").catch(() => null);
  return Boolean(response?.ok) && !(await response.text()).includes(token);
}

/** Runs `work` once at a time; calls made meanwhile become one further run. */
export function coalesced(work) {
  let current = null;
  let again = false;
  return () => {
    again = true;
    current ??= (async () => {
      try {
        while (again) {
          again = false;
          await work();
        }
      } finally {
        current = null;
      }
    })();
    return current;
  };
}
