// On a copy of the page: how old it is, and a warning when nobody has brought it up to date for too long.
// The note beside it (mirror.json) says when that was last done, and how long is too long.

const copy = document.getElementById("copy");
const language = `${document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang}-u-nu-latn`;
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const MINUTE = 60_000;
const STALE_AFTER = 15 * MINUTE; // when the note cannot be read

const generated = copy.querySelector("time");
let checkedAt = generated ? new Date(generated.dateTime).getTime() : null;
let staleAfter = STALE_AFTER;
let ahead = 0; // of this device's clock, by that of the server

async function readNote() {
  const answer = await fetch(copy.dataset.note, { cache: "no-cache" }).catch(() => null);
  const note = answer?.ok ? await answer.json().catch(() => null) : null;
  if (!note) return;
  checkedAt = new Date(note.checked_at).getTime();
  staleAfter = note.stale_after * 1000;
  const date = Date.parse(answer.headers.get("date"));
  const age = Number(answer.headers.get("age")) * 1000;
  ahead = date ? Date.now() - (date + age) : 0;
}

function ago(milliseconds) {
  const minutes = Math.round(milliseconds / MINUTE);
  if (minutes < 90) return relative.format(-minutes, "minute");
  if (minutes < 48 * 60) return relative.format(-Math.round(minutes / 60), "hour");
  return relative.format(-Math.round(minutes / 60 / 24), "day");
}

function part(className, parent, make = "span") {
  const found = document.querySelector(`.${className}`);
  if (found) return found;
  const made = document.createElement(make);
  made.className = className;
  parent(made);
  return made;
}

function tell() {
  if (!checkedAt) return;
  const age = Math.max(Date.now() - ahead - checkedAt, 0);
  const isStale = age > staleAfter;
  document.querySelector(isStale ? ".checked" : ".stale")?.remove();
  if (!isStale) {
    part("checked", (made) => copy.append(made)).textContent = `${document.body.dataset.comma}${copy.dataset.fresh.replace("{ago}", ago(age))}`;
    return;
  }
  const box = part("stale", (made) => document.body.prepend(made), "div");
  const text = copy.dataset.stale.replace("{ago}", ago(age));
  if (box.dataset.text === text) return; // or a screen reader reads it out again
  box.dataset.text = text;
  box.setAttribute("role", "status");
  box.replaceChildren(text);
  if (copy.dataset.home) {
    const link = document.createElement("a");
    link.href = `${copy.dataset.home}/`;
    link.textContent = copy.dataset.lead;
    box.append(" ", link);
  }
}

async function look() {
  if (document.hidden) return;
  await readNote();
  tell();
}

look();
setInterval(look, MINUTE);
document.addEventListener("visibilitychange", look);
