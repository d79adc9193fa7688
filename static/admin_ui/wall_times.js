// Times: the weekday at once, quick choices, and how customers will read what was typed, as the server says it.

const MINUTE = 60_000;
const ROUND_MINUTES = 5;

export function tendTimes(form) {
  form.addEventListener("input", (event) => {
    const field = event.target.closest(".wall-time")?.parentElement;
    if (field) showWeekday(field);
  });
  form.querySelectorAll(".quick").forEach((quick) => {
    quick.hidden = false;
    quick.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) fill(quick.closest(".field"), chosenTime(button.dataset, zoneOf(form)));
    });
  });
}

// What the server says beside each time: how it reads, or which of two it is, or that clocks never show it.
export function showBeside(form, answer) {
  answer.querySelectorAll("template[data-beside]").forEach((said) => {
    const place = form.querySelector(`span[data-beside="${said.dataset.beside}"]`);
    if (!place) return;
    const words = said.innerHTML;
    const isNew = place.dataset.said !== withoutChoice(words);
    if (!isNew && !place.parentElement.querySelector(".weekday")) return;
    place.parentElement.querySelectorAll(".weekday, .errorlist").forEach((old) => old.remove());
    if (isNew) place.replaceChildren(document.importNode(said.content, true));
    place.dataset.said = withoutChoice(words);
  });
}

function withoutChoice(words) {
  return words.replaceAll(' checked=""', "");
}

// The browser writes a date in its own order of numbers; the weekday beside it shows a slip at once. What the server
// said of the old time goes.
function showWeekday(field) {
  field.querySelector(".beside .reads-as")?.remove();
  delete field.querySelector(".beside").dataset.said;
  const input = field.querySelector("[data-day]");
  const note = field.querySelector(".weekday") ?? document.createElement("span");
  note.className = "weekday";
  input.parentElement.append(note);
  const day = new Date(`${input.value}T00:00Z`);
  const words = { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" };
  note.textContent = Number.isNaN(day.valueOf()) ? "" : day.toLocaleDateString(document.documentElement.lang, words);
}

function fill(field, [day, time]) {
  const [dayInput, timeInput] = field.querySelectorAll(".wall-time input");
  dayInput.value = day;
  timeInput.value = time;
  timeInput.dispatchEvent(new Event("input", { bubbles: true }));
}

function chosenTime({ inMinutes, tomorrow }, zone) {
  if (tomorrow) return [wallTime(new Date(), zone, 1)[0], tomorrow];
  const step = ROUND_MINUTES * MINUTE;
  return wallTime(new Date(Math.ceil((Date.now() + Number(inMinutes) * MINUTE) / step) * step), zone);
}

// The day and the time that clocks in `zone` show; `daysLater` counts days of the calendar, which are not all 24 hours.
function wallTime(instant, zone, daysLater = 0) {
  const words = { timeZone: zone, dateStyle: "short", timeStyle: "short", hourCycle: "h23" };
  const [day, time] = new Intl.DateTimeFormat("sv-SE", words).format(instant).split(" ");
  const date = new Date(`${day}T00:00Z`);
  date.setUTCDate(date.getUTCDate() + daysLater);
  return [date.toISOString().slice(0, 10), time];
}

// The zone typed into the form, while it is one; else the notice's.
function zoneOf(form) {
  const typed = form.elements.time_zone?.value.trim();
  try {
    if (typed) return new Intl.DateTimeFormat("en", { timeZone: typed }).resolvedOptions().timeZone;
  } catch {
    // Not a zone (yet): the server says so.
  }
  return form.dataset.zone;
}
