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

for (const button of document.querySelectorAll("[data-print]")) button.hidden = false;
window.addEventListener("hashchange", reveal);
reveal();
