// Links that save a file: the browser itself fetches it, so that one is never lost while the page is drawn anew. The
// icon is one of ours, all words are only ever written as text.
const ICON =
  '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M5 20h14v-2H5v2zM19 9h-4V3H9v6H5l7 7 7-7z"/></svg>';

export default function (component) {
  const { data, parentElement } = component;
  const list = parentElement.querySelector(".files");
  data.links.forEach((link, place) => {
    let anchor = list.children[place];
    if (!anchor) {
      anchor = document.createElement("a");
      anchor.innerHTML = ICON;
      anchor.appendChild(document.createElement("span"));
      list.appendChild(anchor);
    }
    anchor.href = "files/" + link.address;
    anchor.download = link.name;
    anchor.querySelector("span").textContent = link.label;
  });
}
