// Searches the history, in one file for each month (publishing/formats/search.py), the newest first and no further back
// than it has to. The page is complete without it.

const AT_ONCE = 6; // files asked for ahead
const PAGE = 30; // notices shown before the reader is asked whether to go on
const AROUND = 90; // characters shown before and after a word that was found in a text

const form = document.getElementById("search");
const section = document.getElementById("found");
const said = document.getElementById("found-said");
const progress = document.getElementById("found-progress");
const list = document.getElementById("found-list");
const older = document.getElementById("found-older");
const byMonth = document.getElementById("by-month");
const one = document.getElementById("found-one").content;
const words = document.getElementById("found-words").content;
const newest = document.getElementById("search-index").href;
const months = [...document.querySelectorAll("[data-month]")].map((link) => ({
  name: link.dataset.month,
  words: link.querySelector("span").textContent,
}));
const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
const number = new Intl.NumberFormat(language);
const dayWords = new Intl.DateTimeFormat(language, {
  weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC",
});

// Words

const MARKS = /[\u0300-\u036f]/g;
const LETTER = /[\p{L}\p{N}]/u;
const OUTSIDE = /^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu;
// Written without spaces: a word may begin anywhere.
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
const BEYOND_ASCII = /[^\x00-\x7f]/;

// Without accents and case. In capitals, because in small letters ß is not ss, and there are two kinds of sigma.
function fold(text) {
  const plain = BEYOND_ASCII.test(text) ? text.normalize("NFKD").replace(MARKS, "") : text;
  return plain.toUpperCase();
}

function termsOf(query) {
  return fold(query).split(/\s+/).map((term) => term.replace(OUTSIDE, "")).filter(Boolean);
}

// Where a word that begins with `term` stands in folded text, at `from` or later; -1 when nowhere.
function place(text, term, from = 0) {
  let at = text.indexOf(term, from);
  while (at > 0 && goesOn(text[at - 1]) && !UNSPACED.test(term[0])) at = text.indexOf(term, at + 1);
  return at;
}

function goesOn(character) {
  return LETTER.test(character) && !UNSPACED.test(character);
}

// `text` folded, and for each place of it the one in `text` that it comes from.
function mapped(text) {
  const from = [];
  let folded = "";
  let at = 0;
  for (const character of text) {
    const its = fold(character);
    for (let unit = 0; unit < its.length; unit++) from.push(at);
    folded += its;
    at += character.length;
  }
  return { folded, from: [...from, at] };
}

// The words of `text` that begin with one of `terms`, each from where to where; in order and without overlaps.
function places(text, terms) {
  const { folded, from } = mapped(text);
  const found = [];
  for (const term of terms) {
    for (let at = place(folded, term); at >= 0; at = place(folded, term, at + term.length)) {
      let end = at + term.length;
      while (end < folded.length && (from[end] === from[end - 1] || goesOn(folded[end]))) end++;
      found.push([from[at], from[end]]);
    }
  }
  found.sort((one, other) => one[0] - other[0] || other[1] - one[1]);
  return found.filter(([start], index) => found.slice(0, index).every(([, end]) => end <= start));
}

function marked(text, terms) {
  const nodes = [];
  let at = 0;
  for (const [start, end] of places(text, terms)) {
    const mark = document.createElement("mark");
    mark.textContent = text.slice(start, end);
    nodes.push(text.slice(at, start), mark);
    at = end;
  }
  return [...nodes, text.slice(at)];
}

// The first line of `text` that holds one of `terms`, cut to what stands around it; "" where none does.
function excerpt(text, terms) {
  for (const line of text.split("\n")) {
    const [found] = places(line, terms);
    if (!found) continue;
    const [first, last] = [Math.max(0, found[0] - AROUND), Math.min(line.length, found[1] + AROUND)];
    const before = line.slice(first, found[0]).replace(first ? /^\S*\s/ : "", "");
    const after = line.slice(found[1], last).replace(last < line.length ? /\s\S*$/ : "", "");
    const cut = before + line.slice(...found) + after;
    return `${first ? "… " : ""}${cut}${last < line.length ? " …" : ""}`;
  }
  return "";
}

// Looking

// What the form asks for; null when for nothing.
function asked() {
  const { q, function: code, kind, from, until } = Object.fromEntries(new FormData(form));
  const terms = termsOf(q);
  if (!terms.length && !code && !kind && !from && !until) return null;
  const [first, last] = [from.slice(0, 7), until.slice(0, 7)];
  const within = months.filter(({ name }) => (!first || name >= first) && (!last || name <= last));
  return { terms, code, kind, from, until, months: within };
}

function fits(notice, { terms, code, kind, from, until }) {
  if (kind && notice.kind !== kind) return false;
  if (code && !notice.functions.some(([its]) => its === code)) return false;
  if ((from && notice.day < from) || (until && notice.day > until)) return false;
  if (!terms.length) return true;
  const all = fold([notice.title, ...notice.functions.map(([, name]) => name), notice.text].join("\n"));
  return terms.every((term) => place(all, term) >= 0);
}

// The notices of a month; null when its file cannot be had.
async function read(month, signal) {
  const file = new URL(`../${month.name.replace("-", "/")}.json`, newest);
  try {
    const answer = await fetch(file, { signal });
    return answer.ok ? (await answer.json()).notices : null;
  } catch {
    return null;
  }
}

// One match after the other, as they are wanted. `search` is told how far it has come.
async function* matches(search, signal) {
  const { question } = search;
  const coming = question.months.slice(0, AT_ONCE).map((month) => read(month, signal));
  while (coming.length && !signal.aborted) {
    const notices = await coming.shift();
    const following = question.months[search.read + AT_ONCE];
    if (following) coming.push(read(following, signal));
    search.read += 1;
    search.isUnread ||= notices === null;
    progress.value = search.read;
    for (const notice of notices ?? []) if (fits(notice, question)) yield notice;
  }
}

function begin(question) {
  const stopping = new AbortController();
  const search = { question, count: 0, read: 0, isUnread: false, stop: () => stopping.abort() };
  return Object.assign(search, { matches: matches(search, stopping.signal) });
}

// Showing

function shown(notice, terms) {
  const entry = one.cloneNode(true);
  const link = entry.querySelector("a");
  link.href = new URL(`incidents/${notice.code}`, form.action);
  link.firstElementChild.append(...marked(notice.title, terms));
  const kind = notice.kind === "scheduled" ? notice.kind : `${notice.kind}-${notice.impact}`;
  for (const word of [`[data-status="${notice.status}"]`, `[data-kind="${kind}"]`]) {
    entry.querySelector(".past-line").append(words.querySelector(word).cloneNode(true));
  }
  const names = notice.functions.map(([, name]) => name).join(document.body.dataset.comma);
  const [day, functions] = entry.querySelector(".past-time").children;
  day.textContent = `${dayWords.format(new Date(notice.day))}${names && " ·"}`;
  functions.append(...marked(names, terms));
  const above = fold(`${notice.title}\n${names}`);
  const inText = excerpt(notice.text, terms.filter((term) => place(above, term) < 0));
  entry.querySelector(".in-text").append(...marked(inText, terms));
  return entry;
}

// What was asked for, as the form shows it.
function query() {
  const given = [...form.elements].filter((field) => field.name && field.value.trim());
  return given
    .map((field) => {
      if (field.type === "date") return `${field.labels[0].textContent} ${field.value}`;
      return field.selectedOptions ? field.selectedOptions[0].text : field.value.trim();
    })
    .join(" · ");
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_whole, name) => values[name]);
}

function report({ question, count, read, isUnread }, isAll) {
  const told = section.dataset;
  const answer = document.createElement("strong");
  const found = count ? (isAll ? told.found : told.soFar) : told.none;
  answer.textContent = fill(found, { count: number.format(count), query: `\u2068${query()}\u2069` });
  const [first, last] = [question.months[0]?.words, question.months[read - 1]?.words];
  const time = first === last ? first : fill(told.range, { newest: first, oldest: last });
  said.replaceChildren(answer, " ", read ? fill(told.searched, { time }) : told.noMonths);
  if (isUnread) said.append(" ", told.unread);
}

let current = null;
let followed = null; // the question in the address that is shown

// Shows the next matches of `search`, PAGE at most, as they come.
async function show(search) {
  older.hidden = true;
  said.textContent = section.dataset.searching;
  progress.max = search.question.months.length || 1;
  progress.value = search.read;
  progress.hidden = false;
  let isAll = false;
  for (let more = PAGE; more; more--) {
    const { value: notice, done } = await search.matches.next();
    if (search !== current) return;
    isAll = done;
    if (isAll) break;
    search.count += 1;
    list.append(shown(notice, search.question.terms));
  }
  progress.hidden = true;
  older.hidden = isAll;
  report(search, isAll);
}

// Shows what the address asks for: results, or the months when it asks for nothing.
function follow() {
  followed = location.search;
  const given = new URLSearchParams(followed);
  const fields = [...form.elements].filter((field) => field.name);
  for (const field of fields) field.value = given.get(field.name) ?? "";
  const question = asked();
  form.querySelector("details").open ||= fields.some((field) => field.name !== "q" && field.value);
  section.hidden = !question;
  byMonth.hidden = Boolean(question);
  list.replaceChildren();
  said.textContent = "";
  current?.stop();
  current = question && begin(question);
  if (current) show(current);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const given = new URLSearchParams([...new FormData(form)].filter(([, value]) => value.trim()));
  history.pushState(null, "", `${location.pathname}?${given}`.replace(/\?$/, ""));
  follow();
});

older.addEventListener("click", async () => {
  const before = list.children.length;
  await show(current);
  (list.children[before]?.querySelector("a") ?? form.elements.q).focus();
});

addEventListener("popstate", () => {
  if (location.search !== followed) follow(); // or it was a link within the page
});
form.hidden = false;
follow();
