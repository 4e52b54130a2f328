// Reloads the first-run page once the first customer has a score.
"use strict";
setInterval(async () => {
  const answer = await fetch(location.href, { credentials: "same-origin" }).catch(() => null);
  if (answer?.ok && !(await answer.text()).includes("data-first-run")) location.reload();
}, 3000);
