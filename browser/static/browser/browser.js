// Comfort for pages that are complete without it. What it may do stands in the pages, in attributes data-es-…:
// words are translated there, and addresses made there.
"use strict";

const EVERY = 2000, LONGEST_PAUSE = 30000, BATCH = 250, CHORD = 1500, SETTLING = 400;
const root = document.getElementById("es");

const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// ---- saying something to those who do not see it

const unsaid = { words: "", timer: null };

function say(words) {
  unsaid.words = words;
  unsaid.timer ??= setTimeout(() => {
    one("[data-es-said]").textContent = unsaid.words;
    unsaid.timer = null;
  }, BATCH);
}

// ---- lists of events that go on by themselves

class LiveList {
  constructor(bar) {
    this.bar = bar;
    this.body = one("[data-es-rows]");
    this.pill = one("[data-es-pill]", bar);
    this.stopped = one("[data-es-stopped]", bar);
    this.again = one("[data-es-again]", bar);
    this.after = bar.dataset.esAfter;
    this.most = Number(bar.dataset.esMost);
    this.ages = JSON.parse(bar.dataset.esAges);
    this.isAtHead = "esAtHead" in bar.dataset;
    this.pause = EVERY;
    this.held = [];
    this.heldCount = 0;
    this.newCount = 0;
  }

  start() {
    this.again.addEventListener("click", () => this.look());
    this.pill.addEventListener("click", event => this.isAtHead && this.goToHead(event));
    document.addEventListener("visibilitychange", () => this.look());
    document.addEventListener("scroll", () => this.isAtTop() && this.showHeld(), { passive: true });
    this.wait(EVERY);
  }

  wait(pause) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), pause);
  }

  async look() {
    clearTimeout(this.timer);
    if (document.hidden || this.isLooking) return;
    this.isLooking = true;
    try {
      await this.fetchRows();
    } catch (error) {
      this.fail(error.isFinal);
    } finally {
      this.isLooking = false;
    }
  }

  async fetchRows() {
    // A login page is no answer: sessions end.
    const answer = await fetch(`${this.bar.dataset.esTail}&after=${this.after}`, { redirect: "manual" });
    if (![200, 204].includes(answer.status)) throw { isFinal: answer.status < 500 };
    this.take(await answer.text());
    // Not before the rows are here: who asks again with the old position misses none.
    this.after = answer.headers.get("Es-After");
    // By the server's clock, as the ages that the page came with.
    this.growOlder(Date.parse(answer.headers.get("Date")) / 1000);
    this.recover();
    this.wait(answer.headers.has("Es-More") ? 0 : EVERY);
  }

  take(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const rows = [...template.content.children];
    const count = rows.filter(each => each.dataset.esAt).length;
    if (!count) return;
    if (this.isAtHead && this.isAtTop()) this.insert(rows);
    else this.hold(rows, count);
    this.announce(count);
  }

  growOlder(now) {
    for (const each of all("[data-es-ago]", this.body)) {
      const moment = Date.parse(one("time", each.parentNode).dateTime) / 1000;
      if (now) each.textContent = "·\u00a0" + ageInWords(Math.max(0, Math.floor(now - moment)), this.ages);
    }
  }

  isAtTop() {
    return this.body.getBoundingClientRect().top >= 0;
  }

  insert(rows) {
    one(".es-empty", this.body)?.closest("tr").remove();
    rows.forEach(each => each.classList.add("es-new"));
    this.body.prepend(...rows);
    this.dropOldest();
  }

  dropOldest() {
    const surplus = [...this.body.rows].slice(this.most).filter(each => !each.contains(document.activeElement));
    surplus.forEach(each => each.remove());
    const older = one(".es-pager [rel=next]");
    if (!surplus.length || !older) return;
    const url = new URL(older.href);
    url.searchParams.set("before", [...this.body.rows].findLast(each => each.dataset.esAt).dataset.esAt);
    older.href = url;
  }

  hold(rows, count) {
    this.heldCount += count;
    this.held = [...rows, ...this.held].slice(0, this.most);
    this.pill.textContent = this.words(this.heldCount);
    this.pill.hidden = false;
  }

  showHeld() {
    if (!this.isAtHead || !this.held.length) return;
    this.insert(this.held);
    this.held = [];
    this.heldCount = 0;
    this.pill.hidden = true;
  }

  goToHead(event) {
    event.preventDefault();
    this.showHeld();
    this.bar.scrollIntoView();
    one("a", this.body)?.focus({ preventScroll: true });
  }

  announce(count) {
    this.newCount = unsaid.timer ? this.newCount + count : count;
    say(this.words(this.newCount));
  }

  words(count) {
    return count === 1 ? this.bar.dataset.esOne : this.bar.dataset.esSeveral.replace("%s", count);
  }

  fail(isFinal) {
    if (this.stopped.hidden) this.stopped.textContent = this.stopped.dataset.esStopped.replace("%s", timeNow());
    this.stopped.hidden = this.again.hidden = false;
    this.bar.classList.add("es-halted");
    if (isFinal) return;
    this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
    this.wait(this.pause);
  }

  recover() {
    this.pause = EVERY;
    this.stopped.hidden = this.again.hidden = true;
    this.bar.classList.remove("es-halted");
  }
}

function ageInWords(seconds, patterns) {
  const minutes = Math.floor(seconds / 60), hours = Math.floor(seconds / 3600), days = Math.floor(seconds / 86400);
  const numbers = { seconds, minutes: minutes % 60, hours: hours % 24, days };
  const words = patterns[unitsOf(seconds, minutes, hours, days)].replace(/%\((\w+)\)d/g, (_, name) => numbers[name]);
  return patterns.ago.replace("%(age)s", words.replaceAll(" ", "\u00a0"));
}

function unitsOf(seconds, minutes, hours, days) {
  if (seconds < 60) return "s";
  if (minutes < 60) return "min";
  if (hours < 10 && minutes % 60) return "h min";
  if (days < 1) return "h";
  return days < 10 && hours % 24 ? "d h" : "d";
}

function timeNow() {
  const now = new Date(), language = document.documentElement.lang;
  try {
    return now.toLocaleTimeString(language, { timeZone: root.dataset.esZone, timeZoneName: "short", hourCycle: "h23" });
  } catch {
    return now.toLocaleTimeString(language, { hourCycle: "h23" });  // a zone that only the server knows
  }
}

// ---- keys: an element's data-es-key is what chooses it, "g s" is g and then s

const chord = { first: "", timer: null };

function onKey(event) {
  if (!("esKeys" in root.dataset) || event.defaultPrevented || hasModifier(event) || isTyping(event)) return;
  const keys = chord.first ? `${chord.first} ${event.key}` : event.key;
  forgetChord();
  const target = one(`[data-es-key="${CSS.escape(keys)}"]`);
  if (target) choose(target);
  else if (keys === "j" || keys === "k") goToRow(keys === "j" ? 1 : -1);
  else if (one(`[data-es-key^="${CSS.escape(keys)} "]`)) startChord(keys);
  else return;
  event.preventDefault();
}

function hasModifier(event) {
  // Where [ and ] stand on a third level of the keyboard, that level is no shortcut.
  return event.metaKey || ((event.ctrlKey || event.altKey) && !event.getModifierState("AltGraph"));
}

function isTyping(event) {
  const isScrolling = event.key.startsWith("Arrow") && event.target.closest?.("[tabindex], summary");
  return isScrolling || event.isComposing || event.target.closest?.("input, textarea, select, [contenteditable]");
}

function startChord(first) {
  chord.first = first;
  chord.timer = setTimeout(forgetChord, CHORD);
}

function forgetChord() {
  clearTimeout(chord.timer);
  chord.first = "";
}

function choose(target) {
  if (target.matches("input")) target.focus();
  else target.click();
}

function goToRow(step) {
  const rows = all("tbody tr, .es-step", root).filter(each => one("a[href]", each));
  const here = rows.findIndex(each => each.contains(document.activeElement));
  const next = here < 0 ? 0 : here + step;
  if (rows[next]) one("a[href]", rows[next]).focus();
}

// ---- copying

async function onCopy(button) {
  await copy(await textOf(button));
  const label = button.dataset.esLabel ??= button.textContent;
  button.textContent = root.dataset.esCopied;
  say(root.dataset.esCopied);
  setTimeout(() => { button.textContent = label; }, EVERY);
}

async function textOf(button) {
  if (button.dataset.esCopyFrom) return (await fetch(button.dataset.esCopyFrom)).text();
  return button.dataset.esCopy || location.href;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text);  // without https there is no clipboard
  }
}

function copyBySelection(text) {
  const field = document.createElement("textarea"), focused = document.activeElement;
  field.className = "visually-hidden";
  field.value = text;
  root.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
  focused?.focus();
}

// ---- trees, forms, preferences

function reveal(control) {
  const tree = control.closest("[data-es-tree]");
  control.hidden = tree && all("details", tree).length < 2;
}

function openAll(button) {
  const isOpen = button.dataset.esOpen === "all";
  all("details", button.closest("[data-es-tree]")).forEach(each => { each.open = isOpen; });
}

const submitting = { timer: null };

function onChange(event) {
  const form = event.target.closest("form[data-es-auto]");
  if (!form || !event.target.matches("select, [type=range], [type=checkbox], [type=radio]")) return;
  clearTimeout(submitting.timer);
  submitting.timer = setTimeout(() => submit(form, event.target.id), event.target.type === "range" ? SETTLING : 0);
}

function submit(form, id) {
  // Who moves on with the keyboard stays where they are on the next page.
  sessionStorage.setItem("es-focus", id);
  form.requestSubmit();
}

function refocus() {
  const id = sessionStorage.getItem("es-focus");
  sessionStorage.removeItem("es-focus");
  if (id) document.getElementById(id)?.focus();
}

function offerOwnZone(option) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  option.value = zone;
  option.textContent = option.dataset.esOwnZone.replace("%s", zone);
  option.hidden = option.disabled = false;
}

function onClick(event) {
  const button = event.target.closest("[data-es-copy], [data-es-copy-from], [data-es-open]");
  if (!button) return;
  if ("esOpen" in button.dataset) openAll(button);
  else onCopy(button);
}

if (root) {
  all("[data-es-js]").forEach(reveal);
  all("[data-es-own-zone]").forEach(offerOwnZone);
  all("[data-es-tail]").forEach(bar => new LiveList(bar).start());
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  document.addEventListener("change", onChange);
  refocus();
}
