// On every page of the admin: what has arrived needs no copy in the browser any more, and who logs out leaves none.

import { forgetAll, forgetForm } from "./copies.js";

document.querySelectorAll(".messagelist [class*=arrived-]").forEach((message) => {
  forgetForm(/arrived-([\w-]+)/.exec(message.className)[1]);
});
document.getElementById("logout-form")?.addEventListener("submit", forgetAll);
