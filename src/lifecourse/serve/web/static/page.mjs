// The page works without this. It swaps a part of the page instead of loading all of it, opens what is
// pointed at, and prints.

// A link with data-swap="id" replaces the element of that id by the one on the page it leads to.
async function swap(link) {
  const id = link.dataset.swap;
  const answer = await fetch(link.href, { credentials: "same-origin" });
  if (!answer.ok) {
    location.assign(link.href);
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(id);
  if (!fresh) {
    location.assign(link.href);
    return;
  }
  const words = link.textContent;
  document.getElementById(id).replaceWith(document.adoptNode(fresh));
  history.replaceState(null, "", link.href);
  [...fresh.querySelectorAll("[data-swap]")].find((other) => other.textContent === words)?.focus();
}

// An event in a closed list is shown when something points at it.
function reveal() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let up = target.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
  target.scrollIntoView({ block: "center" });
}

document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element) || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = event.target.closest("a[data-swap]");
  if (link) {
    event.preventDefault();
    swap(link).catch(() => location.assign(link.href));
  }
  if (event.target.closest("[data-print]")) window.print();
});

// One key for what is done often: a button or link with data-key. Letters can be switched off, which is remembered.
const keys = document.querySelector("[data-keys-switch]");
if (keys) {
  keys.checked = localStorage.getItem("keys") !== "off";
  const show = () => {
    for (const element of document.querySelectorAll("kbd[data-keys]")) element.hidden = !keys.checked;
    for (const element of document.querySelectorAll("button[data-key]")) {
      if (keys.checked) element.setAttribute("aria-keyshortcuts", element.dataset.key);
      else element.removeAttribute("aria-keyshortcuts");
    }
  };
  keys.closest("[data-keys]").hidden = false;
  keys.addEventListener("change", () => {
    localStorage.setItem("keys", keys.checked ? "on" : "off");
    show();
  });
  show();
  document.addEventListener("keydown", (event) => {
    if (!keys.checked || event.repeat || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.target.closest("input[type=text], select, textarea, .wide")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const chosen = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!chosen) return;
    event.preventDefault();
    chosen.click();
  });
}

// What if: a slider changes the amount of a treatment; the risk left is 1 - (1 - risk)^(relative^(amount / each)).
for (const row of document.querySelectorAll("[data-whatif][data-relative]")) {
  const slider = row.querySelector("input[type=range]");
  const [risk, relative, each] = [row.dataset.baseline, row.dataset.relative, row.dataset.each].map(Number);
  const usual = slider.value;
  slider.hidden = false;
  slider.addEventListener("input", () => {
    const left = 1 - (1 - risk) ** (relative ** (slider.value / each));
    const say = (name, words) => { row.querySelector(`[data-${name}]`).textContent = words; };
    say("amount", slider.value);
    say("then", `${(left * 100).toFixed(left >= 0.0995 ? 0 : 1)} %`);
    say("fewer", ((risk - left) * 100).toFixed(1));
    say("needed", String(Math.ceil(1 / (risk - left) - 1e-9)));
    // The interval was reckoned for the usual amount alone.
    row.querySelector("[data-usual]").hidden = slider.value !== usual;
  });
}

for (const button of document.querySelectorAll("[data-print]")) button.hidden = false;
window.addEventListener("hashchange", reveal);
reveal();
