// What only the reader's own device knows of times: what they are in its zone, how long until then, and where "now" is
// on an axis. The page is complete without it.

const words = document.body.dataset;
// The digits of the page itself, which are the Latin ones in every language.
const language = `${document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang}-u-nu-latn`;
const shape = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const own = new Intl.DateTimeFormat(language, shape);
const told = new Intl.DateTimeFormat(language, { ...shape, timeZoneName: "short" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const MINUTE = 60_000;

function instants(when) {
  return [...when.querySelectorAll("time")].map((time) => new Date(time.dateTime));
}

// A script's own part of a time, made where it is missing; without text there is none. What is right already is left
// alone, or a reader who has just marked it would lose that.
function part(when, className, text, before = null) {
  let span = when.querySelector(`.${className.split(" ")[0]}`);
  if (!text) return span?.remove();
  if (!span) {
    span = document.createElement("span");
    span.className = className;
    when.insertBefore(span, before);
  }
  if (span.textContent !== text) span.textContent = text;
}

// Both ends with their day wherever the reader's midnight lies between them.
function inWords(start, end) {
  const [first, last] = [start, end].map((time) => {
    return told.formatToParts(time).find((part) => part.type === "timeZoneName").value;
  });
  // Where clocks change between them, browsers take two times that read alike for one.
  return first === last ? told.formatRange(start, end) : `${told.format(start)} – ${told.format(end)}`;
}

function ownTime(when) {
  const [start, end] = instants(when);
  const there = new Intl.DateTimeFormat(language, { ...shape, timeZone: when.dataset.zone });
  if ([start, end ?? start].every((time) => own.format(time) === there.format(time))) return "";
  return `${words.yourTime} ${end ? inWords(start, end) : told.format(start)}`;
}

function fromNow(when) {
  const [time, end] = instants(when);
  if (end || Math.abs(time - Date.now()) > 24 * 60 * MINUTE) return "";
  const minutes = Math.round((time - Date.now()) / MINUTE);
  const far = Math.abs(minutes) >= 90;
  return words.comma + (far ? relative.format(Math.round(minutes / 60), "hour") : relative.format(minutes, "minute"));
}

function drawNow(axis) {
  const from = new Date(axis.dataset.from);
  const place = ((Date.now() - from) / (new Date(axis.dataset.to) - from)) * 100;
  let line = axis.querySelector(".now");
  if (!line) {
    line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    line.setAttribute("class", "now");
    line.setAttribute("y1", "18");
    line.setAttribute("y2", axis.querySelector(".mark").getAttribute("y2"));
    axis.append(line);
  }
  line.setAttribute("visibility", place >= 0 && place <= 100 ? "visible" : "hidden");
  line.setAttribute("x1", `${place}%`);
  line.setAttribute("x2", `${place}%`);
}

function tellOwnTimes() {
  for (const when of document.querySelectorAll(".when")) part(when, "yours", ownTime(when));
}

function tick() {
  for (const when of document.querySelectorAll(".when")) {
    part(when, "from-now quiet", fromNow(when), when.querySelector(".yours"));
  }
  document.querySelectorAll(".axis").forEach(drawNow);
}

function tell() {
  tellOwnTimes();
  tick();
}

tell();
setInterval(tick, MINUTE / 2);
document.addEventListener("page:updated", tell);
document.addEventListener("visibilitychange", tick); // a page in the background may have slept
