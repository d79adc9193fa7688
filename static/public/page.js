// What only the reader's own device knows: their time zone, how long until then, and whether this page has changed
// since. The page is complete without it.

const words = document.body.dataset;
// The digits of the page itself, which are the Latin ones in every language.
const language = `${document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang}-u-nu-latn`;
const shape = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const own = new Intl.DateTimeFormat(language, shape);
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const MINUTE = 60_000;

function instants(when) {
  return [...when.querySelectorAll("time")].map((time) => new Date(time.dateTime));
}

function addOwnTime(when) {
  const [start, end] = instants(when);
  const there = new Intl.DateTimeFormat(language, { ...shape, timeZone: when.dataset.zone });
  const differs = [start, end ?? start].some((time) => own.format(time) !== there.format(time));
  if (!differs) return;
  const yours = document.createElement("span");
  yours.className = "yours";
  yours.textContent = `${words.yourTime}: ${end ? own.formatRange(start, end) : own.format(start)}`;
  when.append(yours);
}

function fromNow(time) {
  const minutes = Math.round((time - Date.now()) / MINUTE);
  return Math.abs(minutes) < 90 ? relative.format(minutes, "minute") : relative.format(Math.round(minutes / 60), "hour");
}

function addFromNow(when) {
  const [time, end] = instants(when);
  if (end || Math.abs(time - Date.now()) > 24 * 60 * MINUTE) return;
  let counter = when.querySelector(".from-now");
  if (!counter) {
    counter = document.createElement("span");
    counter.className = "from-now quiet";
    when.insertBefore(counter, when.querySelector(".yours"));
  }
  counter.textContent = words.comma + fromNow(time);
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

function tick() {
  document.querySelectorAll(".when").forEach(addFromNow);
  document.querySelectorAll(".axis").forEach(drawNow);
}

// The page as it was served: the first look at its tag, later ones are compared with it.
let seen = null;

async function lookForNews() {
  if (document.hidden || document.querySelector(".news")) return;
  const answer = await fetch(location.pathname, { method: "HEAD", cache: "no-cache" }).catch(() => null);
  const tag = answer?.ok && answer.headers.get("etag");
  if (!tag) return;
  seen ??= tag;
  if (tag !== seen) tellNews();
}

function tellNews() {
  const box = document.createElement("div");
  box.className = "news";
  box.setAttribute("role", "status");
  const button = document.createElement("button");
  button.textContent = words.reload;
  button.addEventListener("click", () => location.reload());
  box.append(words.news, button);
  document.body.append(box);
}

document.querySelectorAll(".when").forEach(addOwnTime);
tick();
setInterval(tick, MINUTE / 2);
setTimeout(lookForNews, 1000);
setInterval(lookForNews, MINUTE);
document.addEventListener("visibilitychange", lookForNews);
