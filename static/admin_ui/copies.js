// Copies of what is being written, in this browser alone: one per form, by who writes, on which screen, in which form.

const PREFIX = "statuspage.copy";
const KEPT_DAYS = 7;

export function keyOf(user, path, formId) {
  return [PREFIX, encodeURIComponent(user), encodeURIComponent(path), formId].join(":");
}

// The copies of one writer on one screen, the newest first; too old ones go.
export function copiesOf(user, path) {
  const start = keyOf(user, path, "");
  const found = keys().filter((key) => key.startsWith(start)).map((key) => ({ key, ...read(key) }));
  const isOld = ({ at }) => !(Date.now() - at < KEPT_DAYS * 24 * 3600_000);
  found.filter(isOld).forEach(({ key }) => forget(key));
  return found.filter((copy) => !isOld(copy)).sort((one, other) => other.at - one.at);
}

// False where the browser keeps nothing, or no more.
export function write(key, fields) {
  try {
    localStorage.setItem(key, JSON.stringify({ at: Date.now(), fields }));
    return true;
  } catch {
    return false;
  }
}

export function forget(key) {
  localStorage.removeItem(key);
}

export function forgetForm(formId) {
  keys().filter((key) => key.endsWith(`:${formId}`)).forEach(forget);
}

export function forgetAll() {
  keys().forEach(forget);
}

function keys() {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(`${PREFIX}:`));
  } catch {
    return []; // storage is switched off
  }
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return { at: 0, fields: [] };
  }
}
