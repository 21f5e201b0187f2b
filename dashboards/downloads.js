// Links that save a file: the browser itself fetches it, so that one is never lost while the page is drawn anew. The
// icon is one of ours, all words are only ever written as text.
const ICON =
  '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M5 20h14v-2H5v2zM19 9h-4V3H9v6H5l7 7 7-7z"/></svg>';
// A pointer that has gone further than this, in pixels, has left the link on purpose.
const HELD = 10;
// A finger's click follows its release by a moment; a mouse's comes with it.
const CLICK_WITHIN_MS = 300;

function save(link) {
  const anchor = document.createElement("a");
  Object.assign(anchor, link);
  document.body.appendChild(anchor);
  anchor.click();
  anchor.remove();
}

// While a page is drawn, what stands above a link may push it away between the press and the release of a button. A
// browser then makes no click of them, and the press would be lost: so whatever was pressed is saved.
function holdPresses(anchor) {
  let isClicked = false;
  anchor.addEventListener("click", () => (isClicked = true));
  anchor.addEventListener("pointerdown", (down) => {
    if (down.button !== 0) return;
    isClicked = false;
    const { href, download } = anchor;
    const over = new AbortController();
    const listening = { capture: true, signal: over.signal };
    window.addEventListener("pointercancel", () => over.abort(), listening);
    window.addEventListener(
      "pointerup",
      (up) => {
        over.abort();
        if (Math.hypot(up.clientX - down.clientX, up.clientY - down.clientY) > HELD) return;
        setTimeout(() => isClicked || save({ href, download }), CLICK_WITHIN_MS);
      },
      listening,
    );
  });
}

export default function (component) {
  const { data, parentElement } = component;
  const list = parentElement.querySelector(".files");
  data.links.forEach((link, place) => {
    let anchor = list.children[place];
    if (!anchor) {
      anchor = document.createElement("a");
      anchor.innerHTML = ICON;
      anchor.appendChild(document.createElement("span"));
      holdPresses(anchor);
      list.appendChild(anchor);
    }
    anchor.href = "files/" + link.address;
    anchor.download = link.name;
    anchor.querySelector("span").textContent = link.label;
  });
}
