/** Times as people read them: local zone, 24 hours, relative to the workspace's clock. */

import { now } from "./directory.js";

const format = (options) => new Intl.DateTimeFormat("en-GB", options);
const CLOCK = format({ hour: "2-digit", minute: "2-digit" });
const CLOCK_SECONDS = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const FULL = format({
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});
const DAY = format({ weekday: "long", day: "numeric", month: "long" });
const DAY_AND_YEAR = format({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
const DATE = format({ day: "numeric", month: "long", year: "numeric" });
const DATE_SHORT = format({ day: "numeric", month: "short", year: "numeric" });

export const dateOf = (ts) => new Date(Number(ts) * 1000);
export const clock = (date) => CLOCK.format(date);
export const full = (date) => FULL.format(date);
export const sameDay = (one, other) => one.toDateString() === other.toDateString();

export function day(date) {
  return (
    relativeDay(date, capitalized) ?? (date.getFullYear() === now().getFullYear() ? DAY : DAY_AND_YEAR).format(date)
  );
}

/** "today at 14:03", for the last reply of a thread. */
export function moment(date) {
  return `${relativeDay(date, String) ?? DATE_SHORT.format(date)} at ${clock(date)}`;
}

function relativeDay(date, dress) {
  const offset = (days) => new Date(now().getTime() + days * 86_400_000);
  for (const [days, word] of [
    [0, "today"],
    [-1, "yesterday"],
    [1, "tomorrow"],
  ]) {
    if (sameDay(date, offset(days))) return dress(word);
  }
  return null;
}

const capitalized = (word) => word[0].toUpperCase() + word.slice(1);

function ago(date) {
  const seconds = (date - now()) / 1000;
  const [size, unit] = [
    [86_400, "day"],
    [3600, "hour"],
    [60, "minute"],
    [1, "second"],
  ].find(([each]) => Math.abs(seconds) >= each) ?? [1, "second"];
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(Math.round(seconds / size), unit);
}

const isoDate = (date) =>
  [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");

const TOKENS = {
  __proto__: null,
  date_num: isoDate,
  date_slash: (date) => isoDate(date).replaceAll("-", "/"),
  date: (date) => DATE.format(date),
  date_long: (date) => DAY_AND_YEAR.format(date),
  date_long_full: (date) => DAY_AND_YEAR.format(date),
  date_short: (date) => DATE_SHORT.format(date),
  date_pretty: (date) => relativeDay(date, String) ?? DATE.format(date),
  date_long_pretty: (date) => relativeDay(date, String) ?? DAY_AND_YEAR.format(date),
  date_short_pretty: (date) => relativeDay(date, String) ?? DATE_SHORT.format(date),
  day_divider_pretty: day,
  time: clock,
  time_secs: (date) => CLOCK_SECONDS.format(date),
  ago,
};

/** Slack's date format string ("{date_short} at {time}") in words. */
export function formatted(timestampSeconds, pattern) {
  const date = dateOf(timestampSeconds);
  return pattern.replace(/\{(\w+)\}/g, (whole, token) => TOKENS[token]?.(date) ?? whole);
}

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

export function size(bytes) {
  const step = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  return `${step ? (bytes / 1000 ** step).toFixed(1) : bytes} ${UNITS[step]}`;
}
