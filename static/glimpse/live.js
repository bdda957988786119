// The report's figures move while they are looked at; without this script, by reloading.
"use strict";

// A block, so that these names are no other script's.
{
  const FIRST_MS = 4000;
  const SLOWER = 1.3;
  const SLOWEST_MS = 60_000;
  const GIVE_UP_MS = 45 * 60_000; // nothing new for so long
  const SAY_AT_MOST_EVERY_MS = 30_000;

  const live = document.getElementById("live");
  const words = document.getElementById("live-words");
  let version = `"${live.dataset.version}"`;
  let pause = FIRST_MS;
  let lastNews = Date.now();
  let lastSaid = 0;
  let timer = 0;
  let isOver = false;

  function show(state) {
    live.hidden = false;
    live.dataset.state = state;
    if (live.textContent !== live.dataset[state]) {
      live.textContent = live.dataset[state];
    }
  }

  function later() {
    clearTimeout(timer);
    if (isOver || document.hidden) {
      return;
    }
    if (Date.now() - lastNews > GIVE_UP_MS) {
      show("asleep");
      return;
    }
    timer = setTimeout(() => live.dispatchEvent(new Event("poll")), pause);
  }

  // Lists stay as they were when the page was made: that is said as soon as figures have moved.
  function showWhatIsOlder() {
    for (const line of document.querySelectorAll("[data-as-of]")) {
      line.hidden = false;
    }
  }

  // What has nothing to show before the first open has been swapped by then.
  function showWhatIsThere() {
    if (document.getElementById("live-answer").dataset.isOpened === undefined) {
      return;
    }
    live.dataset.on = live.dataset.opened;
    for (const part of document.querySelectorAll("[data-when-opened]")) {
      part.hidden = false;
    }
  }

  function stop() {
    isOver = true;
    show("out");
  }

  // A hidden page asks nothing; one that is looked at again asks at once.
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden && !isOver) {
      lastNews = Date.now();
      pause = FIRST_MS;
      live.dispatchEvent(new Event("poll"));
    }
  });

  live.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["If-None-Match"] = version;
  });

  live.addEventListener("htmx:afterRequest", (event) => {
    const xhr = event.detail.xhr;
    const found = xhr.getResponseHeader("ETag");
    if (xhr.status === 304) {
      show("on");
      pause = Math.min(pause * SLOWER, SLOWEST_MS);
    } else if (xhr.status === 200 && found) {
      showWhatIsThere();
      show("on");
      showWhatIsOlder();
      version = found;
      pause = FIRST_MS;
      lastNews = Date.now();
    } else if (xhr.status === 0 || xhr.status >= 500) {
      show("away");
      pause = Math.min(pause * SLOWER, SLOWEST_MS);
    } else {
      // The page for logging in, or a refusal.
      stop();
      return;
    }
    later();
  });

  // What the reader opened stays open, and what they scrolled stays where it was.
  const places = new Map();

  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    for (const one of target.querySelectorAll("details[id][open]")) {
      fragment.querySelector(`#${one.id}`)?.setAttribute("open", "");
    }
    for (const one of target.querySelectorAll(".scroll[id]")) {
      places.set(one.id, [one.scrollLeft, one.scrollTop]);
    }
  });

  // For those who listen: only what changed, and not each number.
  const wordsShown = () => document.getElementById("live-answer")?.dataset.words ?? "";
  let known = wordsShown();

  function announce() {
    const text = wordsShown();
    if (text !== known && Date.now() - lastSaid > SAY_AT_MOST_EVERY_MS) {
      words.textContent = text;
      known = text;
      lastSaid = Date.now();
    }
  }

  live.addEventListener("htmx:afterRequest", () => {
    for (const [id, [left, top]] of places) {
      document.getElementById(id)?.scrollTo(left, top);
    }
    places.clear();
    announce();
  });

  show("on");
  lastSaid = Date.now();
  later();
}
