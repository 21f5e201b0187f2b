// A login leads to the first page. What was opened before it is kept in this tab, and gone to once, after it.
export default function (component) {
  const kept = "angime.opened";
  const { pathname, search, origin } = window.location;
  if (component.data.keeps) {
    window.sessionStorage.setItem(kept, pathname + search);
    return;
  }
  const opened = window.sessionStorage.getItem(kept);
  window.sessionStorage.removeItem(kept);
  if (!opened || opened === pathname + search) return;
  window.location.replace(new URL(origin + opened).href);
}
