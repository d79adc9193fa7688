// Which functions the reader uses, and what of this page concerns them. A choice is an object of names by code. It is kept
// in this browser; one that comes with a link holds in its tab until the reader keeps it. Words and what is decided by
// stand in the page: the words in the template #concerns, the codes of components on rows, cards and notices.

const MOST = 20; // functions in one feed, as publishing/merging.py has it
const ENDINGS = { "history.atom": ".atom", "history.rss": ".rss", "calendar.ics": ".ics" }; // of the files of one function

const template = () => document.getElementById("concerns");
const key = `functions ${template()?.dataset.page}`;
const opened = new Set(); // what was folded, and the reader wants to see
let kept = stored("localStorage");
let view = stored("sessionStorage"); // an empty one: everything
let isUnknown = false; // something that the link names

function stored(area) {
  try {
    const found = JSON.parse(window[area].getItem(key));
    const isChoice = found && Object.entries(found).every(([code, name]) => /^[a-z0-9]+$/.test(code) && typeof name === "string");
    return isChoice ? found : null;
  } catch {
    return null; // no storage, or nothing of ours in it
  }
}

function store(area, choice) {
  try {
    if (choice) window[area].setItem(key, JSON.stringify(choice));
    else window[area].removeItem(key);
  } catch {
    // A browser that keeps nothing: the choice holds for this view.
  }
}

function keep(choice) {
  kept = Object.keys(choice).length ? choice : null;
  store("localStorage", kept);
  show(null);
}

function show(choice) {
  view = choice;
  store("sessionStorage", view);
  isUnknown = false;
  if (linkedCodes()) history.replaceState(history.state, "", location.pathname); // or it would be back with a reload
}

function linkedCodes() {
  const inFragment = location.hash.match(/^#functions=(.*)$/)?.[1];
  const linked = inFragment === undefined ? new URLSearchParams(location.search).get("functions") : inFragment;
  return linked?.split(/,|%2C/i).filter(Boolean);
}

const isSame = (one, other) => Object.keys(one).sort().join() === Object.keys(other ?? {}).sort().join();

// The functions of the home page, by code, in its order.
function known() {
  const rows = [...document.querySelectorAll("[data-status][id^='component-']")].map((row) => ({
    code: row.id.slice("component-".length),
    name: row.querySelector(".name").textContent.trim(),
    group: row.closest(".group")?.querySelector("h3")?.textContent.trim() ?? "",
    row,
  }));
  const hidden = JSON.parse(template().dataset.hidden).map(([code, name, group]) => ({ code, name, group, row: null }));
  return new Map([...rows, ...hidden].map((one) => [one.code, one]));
}

// What something concerns, by the codes that it names; and by the names of its effects, which are free text: they may add
// something, and never show that something is not affected.
function concern(element, effects, choice, names = {}) {
  const codes = element.dataset.components.split(" ").filter(Boolean);
  const said = effects.filter((effect) => !effect.closest(".is-unaffected")).map(functionOf);
  const found = Object.keys(choice).filter((code) => codes.includes(code) || said.includes(choice[code]));
  const kind = found.length ? "yes" : codes.length ? "no" : "everybody";
  return { kind, number: found.length, names: [...new Set(found.map((code) => names[code] ?? choice[code]))] };
}

const effectsOf = (element) => [...element.querySelectorAll(".effect li, .effects tbody tr")];
const functionOf = (effect) => effect.querySelector("bdi").textContent.trim();

// Names may be written in the other direction than the words around them.
function list(names) {
  const parts = names.flatMap((name) => {
    const part = document.createElement("bdi");
    part.textContent = name;
    return [template().dataset.comma, part];
  });
  return parts.slice(1);
}

// Puts values, a word or names, into the places {so} of the texts of an element.
function fill(element, values) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const text of texts) {
    const parts = text.data.split(/\{(\w+)\}/); // every second one is a place
    if (parts.length > 1) text.replaceWith(...parts.flatMap((part, number) => (number % 2 ? values[part] : part)));
  }
  return element;
}

function copyOf(selector) {
  return template().content.querySelector(selector).cloneNode(true);
}

function made(element) {
  element.dataset.made = "";
  return element;
}

function undo() {
  document.querySelectorAll("[data-made]").forEach((one) => one.remove());
  document.querySelectorAll("[data-shown-above]").forEach((one) => {
    one.hidden = false;
    delete one.dataset.shownAbove;
  });
  document.querySelectorAll(".card.is-folded").forEach((card) => card.classList.remove("is-folded"));
}

function setAside(element) {
  element.hidden = true;
  element.dataset.shownAbove = "";
}

function apply() {
  if (!template()) return;
  const acted = document.activeElement?.dataset.act; // what has the focus is about to be made anew
  undo();
  const active = view ?? kept ?? {};
  if (document.querySelector(".notice")) applyToNotice(active);
  else applyToHome(active);
  if (acted && document.activeElement === document.body) focusOn(acted);
}

function focusOn(act) {
  document.querySelector(`[data-made] [data-act="${act}"]`)?.focus();
}

function applyToHome(active) {
  const all = known();
  const choice = {};
  for (const { code, name } of all.values()) if (code in active) choice[code] = name;
  const gone = Object.keys(active).filter((code) => !all.has(code));
  const cards = [...document.querySelectorAll(".card[data-components]")].map((card) => ({
    card,
    ...concern(card, effectsOf(card), choice),
  }));
  template().before(made(answer(all, choice, cards, gone.map((code) => active[code]))));
  if (!Object.keys(choice).length) return;
  cards.forEach(mark);
  chosenFirst(all, choice);
}

function answer(all, choice, cards, gone) {
  const box = copyOf(".concerns");
  const piece = (name) => box.querySelector(`[data-say="${name}"]`);
  const said = [];
  const say = (name, values = {}) => {
    said.push(name);
    return fill(piece(name), values);
  };
  const chosen = Object.keys(choice);
  if (chosen.length) {
    const struck = chosen.filter((code) => all.get(code).row && all.get(code).row.dataset.status !== "operational");
    const open = cards.filter(({ card }) => !card.dataset.day);
    const named = [...new Set(open.flatMap(({ names }) => names))];
    if (struck.length) say("struck").querySelector("dl").append(...statuses(struck.map((code) => all.get(code))));
    else if (named.length) say("named", { names: list(named) });
    else if (open.some(({ kind }) => kind === "everybody")) say("everybody");
    else say("well");
    const works = cards.filter(({ card, kind }) => card.dataset.day && kind !== "no").map((one) => work(piece, one, chosen.length));
    box.querySelector("#concerns-answer").append(...works);
    say("change");
  } else say("ask");
  if (isUnknown) say("unknown");
  if (gone.length) say("gone", { names: list(gone) });
  if (view && chosen.length) say("linked");
  if (view && kept) say("own");
  box.querySelectorAll("[data-say]").forEach((one) => {
    if (!said.includes(one.dataset.say)) one.remove();
  });
  return box;
}

function work(piece, { card, kind, number, names }, chosen) {
  const form = kind === "everybody" ? "work-for-everybody" : number < chosen ? "work" : "work-on-all";
  const sentence = piece(form).cloneNode(true);
  sentence.removeAttribute("data-say");
  sentence.querySelector("a").href = card.querySelector("h3 a").href;
  return fill(sentence, { day: card.dataset.day, affected: String(number), chosen: String(chosen), names: list(names) });
}

// As the page's own answer has it: each status with the names that have it.
function statuses(functions) {
  const rows = new Map();
  for (const { name, row } of functions) {
    const status = row.dataset.status;
    if (!rows.has(status)) rows.set(status, { word: row.querySelector(".status").cloneNode(true), names: [] });
    rows.get(status).names.push(name);
  }
  return [...rows.values()].map(({ word, names }) => {
    const pair = document.createElement("div");
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    term.append(word);
    text.append(...list(names));
    pair.append(term, text);
    return pair;
  });
}

function mark({ card, kind, names }) {
  const line = made(copyOf(`[data-mark="${kind}"]`));
  card.querySelector("h3").after(fill(line, { names: list(names) }));
  if (kind !== "no") return;
  const path = card.querySelector("h3 a").href;
  if (opened.has(path)) line.querySelector("button").remove();
  else card.classList.add("is-folded");
}

function unfold(button) {
  const card = button.closest(".card");
  const link = card.querySelector("h3 a");
  opened.add(link.href);
  card.classList.remove("is-folded");
  button.remove();
  link.focus();
}

// What the reader uses stands first; the rows themselves stay where they are, out of sight.
function chosenFirst(all, choice) {
  const rows = [...all.values()].filter(({ code, row }) => row && code in choice).map(({ row }) => row);
  const groups = [...document.querySelectorAll(".group")].filter((one) => one.querySelector("[data-status]"));
  if (!rows.length || !groups.length) return;
  const group = made(copyOf('[data-mark="chosen"]'));
  for (const row of rows) {
    const copy = row.cloneNode(true);
    copy.removeAttribute("id");
    group.querySelector("ul").append(copy);
    setAside(row);
  }
  groups.filter((one) => !one.querySelector("[data-status]:not([hidden])")).forEach(setAside);
  groups[0].before(group);
  if (groups.some((one) => !one.hidden)) groups[0].before(made(copyOf('[data-mark="others"]')));
}

function applyToNotice(active) {
  const notice = document.querySelector(".notice");
  if (!Object.keys(active).length) return;
  const names = JSON.parse(notice.dataset.names);
  const effects = effectsOf(notice);
  const { kind, names: found } = concern(notice, effects, active, names);
  const fact = made(copyOf(".concerns-fact"));
  fact.querySelectorAll("[data-say]").forEach((one) => {
    if (one.dataset.say !== kind) one.remove();
  });
  const lines = effects.filter((effect) => found.includes(functionOf(effect))).map((effect) => {
    const line = document.createElement("li");
    const [named, status, note] = [...effect.cells].map((cell) => [...cell.cloneNode(true).childNodes]);
    line.append(...status, " ", ...named, note.length ? " – " : "", ...note);
    line.className = effect.className;
    return line;
  });
  fill(fact, { names: list(found) });
  if (lines.length) fact.querySelector("ul").append(...lines);
  else fact.querySelector("ul").remove();
  template().before(fact);
}

// The dialog

function dialog() {
  const there = document.getElementById("choose-functions");
  if (there) return there;
  const box = copyOf("dialog");
  document.body.append(box);
  box.addEventListener("change", () => follow(box));
  box.addEventListener("click", ({ target }) => target.dataset.copied !== undefined && copyAddress(target));
  box.addEventListener("submit", ({ submitter }) => {
    if (submitter.value !== "keep") return;
    keep(ticked(box));
    apply();
  });
  box.addEventListener("close", () => focusOn("choose"));
  return box;
}

function choose() {
  const box = dialog();
  const active = view ?? kept ?? {};
  const place = box.querySelector(".choose-list");
  const { loose } = place.dataset;
  const groups = new Map();
  for (const one of known().values()) {
    const group = one.group || loose;
    groups.set(group, [...(groups.get(group) ?? []), one]);
  }
  place.replaceChildren(
    ...[...groups].map(([group, functions]) => {
      const set = document.createElement("fieldset");
      const legend = document.createElement("legend");
      const isAlone = groups.size === 1 && group === loose;
      legend.textContent = isAlone ? box.querySelector("h2").textContent : group;
      legend.classList.toggle("unseen", isAlone);
      set.append(legend, ...functions.map((one) => boxOf(one, one.code in active)));
      return set;
    }),
  );
  follow(box);
  box.showModal();
}

function boxOf({ code, name }, isTicked) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "checkbox", value: code, checked: isTicked });
  label.append(input, ...list([name]));
  return label;
}

function ticked(box) {
  const inputs = [...box.querySelectorAll(".choose-list input:checked")];
  return Object.fromEntries(inputs.map((input) => [input.value, input.parentElement.textContent]));
}

// The addresses of what is ticked: one feed for all, where our own server makes it; else those of each function.
function follow(box) {
  const choice = ticked(box);
  const codes = Object.keys(choice).sort();
  const { base, mirror } = template().dataset;
  const at = (path) => new URL(base + path, location.href).href;
  const words = (name) => box.querySelector(`[data-names="${name}"]`).textContent;
  const isOne = codes.length === 1 || (mirror === undefined && codes.length <= MOST);
  const rows = [];
  if (isOne) {
    for (const [form, name] of [["history.atom", "Atom"], ["history.rss", "RSS"], ["calendar.ics", words("ics")]]) {
      const path = codes.length === 1 ? `/components/${codes[0]}${ENDINGS[form]}` : `/functions/${codes.join(",")}/${form}`;
      rows.push(address(box, name, at(path)));
    }
  } else rows.push(...codes.map((code) => addresses(box, code, choice[code], at)));
  rows.push(address(box, words("share"), at(`/#functions=${codes.join(",")}`)));
  const section = box.querySelector(".choose-follow");
  section.hidden = !codes.length;
  section.querySelector("ul").replaceChildren(...rows);
  const mail = section.querySelector("[data-mail]");
  if (mail) mail.search = `?functions=${codes.join(",")}`;
}

function address(box, name, url) {
  const row = box.querySelectorAll("template")[0].content.firstElementChild.cloneNode(true);
  row.querySelector("span").textContent = name;
  row.querySelector("input").value = url;
  const button = row.querySelector("button");
  button.setAttribute("aria-label", `${button.textContent}: ${name}`);
  return row;
}

function addresses(box, code, name, at) {
  const row = box.querySelectorAll("template")[1].content.firstElementChild.cloneNode(true);
  row.querySelector("bdi").textContent = name;
  for (const link of row.querySelectorAll("a")) {
    link.href = at(`/components/${code}${link.dataset.ending}`);
    link.setAttribute("aria-label", `${link.textContent}: ${name}`);
  }
  return row;
}

async function copyAddress(button) {
  const row = button.closest(".address");
  const input = row.querySelector("input");
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
  } catch {
    document.execCommand("copy"); // without TLS there is no clipboard
  }
  button.textContent = button.dataset.copied;
  const said = `${button.textContent}: ${row.querySelector("span").textContent}`;
  button.setAttribute("aria-label", said);
  row.closest("dialog").querySelector("[role=status]").textContent = said;
}

// What happens

const acts = {
  choose,
  keep: () => keep(view),
  own: () => show(null),
  everything: () => (view ? show({}) : keep({})),
};

document.addEventListener("click", ({ target }) => {
  const act = target.closest?.("[data-act]")?.dataset.act;
  if (act === "unfold") unfold(target);
  if (!acts[act]) return;
  acts[act]();
  if (act === "choose") return;
  apply();
  focusOn("choose");
});

function readAddress() {
  if (!template() || document.querySelector(".notice")) return;
  if (location.hash === "#concerns") {
    history.replaceState(history.state, "", location.pathname + location.search);
    choose();
  }
  const codes = linkedCodes();
  if (!codes) return;
  const all = known();
  const found = Object.fromEntries(codes.filter((code) => all.has(code)).map((code) => [code, all.get(code).name]));
  isUnknown = codes.some((code) => !all.has(code));
  if (Object.keys(found).length) view = isSame(found, kept) ? null : found;
  store("sessionStorage", view);
}

function look() {
  readAddress();
  apply();
}

look();
addEventListener("hashchange", look);
document.addEventListener("page:updated", apply);
addEventListener("storage", (event) => {
  if (event.key !== key && event.key !== null) return;
  kept = stored("localStorage");
  apply();
});
