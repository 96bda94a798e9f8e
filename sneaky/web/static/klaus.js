// What JavaScript adds to pages that already work without it. Every piece is switched on by a data attribute.
"use strict";

// <select data-guess-zone>: the browser's time zone, unless somebody chose one already.
const canonicalZone = (zone) => {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return null;
  }
};

const guessZone = (select) => {
  const untouched = select.selectedOptions[0]?.defaultSelected ?? true;
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!here || (!untouched && select.selectedIndex > 0)) return;
  const options = [...select.options];
  const match = options.find((option) => option.value === here)
    ?? options.find((option) => option.value && canonicalZone(option.value) === canonicalZone(here));
  if (match) select.value = match.value;
};

// <time data-local data-zone="…">: the reader's own time beside it, where the clocks differ.
const addReaderTime = (time) => {
  if (time.parentElement.querySelector(".reader")) return;
  const instant = new Date(time.dateTime);
  const language = document.documentElement.lang;
  const locale = language === "en" ? "en-GB" : language; // the day before the month, as the server writes it
  const day = { weekday: "short", day: "numeric", month: "short" };
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }; // as the server writes it
  const said = (shape, timeZone) => new Intl.DateTimeFormat(locale, { ...shape, timeZone }).format(instant);
  const isSameDay = said(day) === said(day, time.dataset.zone);
  if (isSameDay && said(clock) === said(clock, time.dataset.zone)) return;
  const here = said(isSameDay ? clock : { ...day, ...clock });
  const reader = document.createElement("small");
  reader.className = "reader";
  reader.textContent = document.body.dataset.yourTime.replace("{time}", here);
  time.parentElement.append(" ", reader);
};

// <button data-copy="ID" data-copied="WORD" hidden>: shown here, copies the field, says so for a moment.
const copy = async (button) => {
  const field = document.getElementById(button.dataset.copy);
  const label = button.textContent;
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // plain http has no clipboard
  }
  if (label === button.dataset.copied) return;
  button.textContent = button.dataset.copied;
  setTimeout(() => { button.textContent = label; }, 2000);
};

// <form data-confirm="QUESTION">: asks first; the yes button repeats the words of the pressed one.
const askFirst = (event) => {
  const form = event.target;
  if (!form.dataset.confirm || form.dataset.confirmed) return;
  event.preventDefault();
  const { submitter } = event;
  const dialog = document.getElementById("confirm");
  const yes = dialog.querySelector("[data-confirm-yes]");
  dialog.querySelector("[data-confirm-text]").textContent = form.dataset.confirm;
  if (submitter) yes.replaceChildren(...submitter.cloneNode(true).childNodes);
  yes.classList.toggle("danger", submitter?.classList.contains("danger") ?? false);
  dialog.returnValue = "no";
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") return;
    form.dataset.confirmed = "yes";
    form.requestSubmit(submitter);
    delete form.dataset.confirmed;
  }, { once: true });
  dialog.showModal();
};

// A second press while a form is on its way sends nothing; a little later it does, should the first have got lost.
const SECOND_PRESS = 3000;
const sentAt = new WeakMap();
const sendOnce = (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (event.timeStamp - (sentAt.get(form) ?? -Infinity) < SECOND_PRESS) event.preventDefault();
  else sentAt.set(form, event.timeStamp);
};

// <form data-live="ID">: each change is sent at once, one after the other; the answer fills the element ID, which stays
// the same one, so that those who listen hear what changed. [data-by-hand] inside does without us, and is hidden.
const fill = (id, html) => {
  const here = document.getElementById(id);
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById(id);
  here.className = fresh.className;
  here.replaceChildren(...fresh.childNodes);
};

let turn = Promise.resolve();
const sendLive = (form) => {
  turn = turn.then(async () => {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { "X-Live": "yes" } });
    if (!answer.ok || answer.redirected) location.reload();
    else fill(form.dataset.live, await answer.text());
  }).catch(() => location.reload());
};

// <form data-at-once>: sent by itself once the page is looked at, since its button only says what one is doing.
const sendAtOnce = (form) => {
  form.hidden = true;
  const send = () => fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
  if (document.hidden) document.addEventListener("visibilitychange", send, { once: true });
  else send();
};

// <div autofocus role="alert">: what is wrong with a form, also where the address names a part of the page, which keeps
// browsers from giving it the focus.
const hearWhatIsWrong = () => document.querySelector("[role=alert][autofocus]")?.focus();

const enhance = (root) => {
  root.querySelectorAll("time[data-local]").forEach(addReaderTime);
  root.querySelectorAll("button[data-copy]").forEach((button) => { button.hidden = false; });
};

enhance(document);
document.querySelectorAll("[data-by-hand]").forEach((element) => { element.hidden = true; });
document.querySelectorAll("select[data-guess-zone]").forEach(guessZone);
document.querySelectorAll("form[data-at-once]").forEach(sendAtOnce);
addEventListener("load", hearWhatIsWrong); // the part that the address names is found by then
document.addEventListener("submit", askFirst);
document.addEventListener("submit", sendOnce);
document.addEventListener("change", (event) => {
  if (event.target.form?.dataset.live) sendLive(event.target.form);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) copy(button);
});
document.addEventListener("htmx:after:swap", () => enhance(document));
// A page nobody looks at does not ask for news.
document.addEventListener("htmx:before:request", (event) => {
  if (document.hidden) event.preventDefault();
});
