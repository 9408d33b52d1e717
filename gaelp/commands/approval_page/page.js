"use strict";
// Asks the browser for a passkey and sends what it gives. Nothing is decided here.
const { page, digest } = document.body.dataset;
const buttons = document.querySelectorAll("button");

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ page, digest, ...body }),
  });
  const said = await response.json();
  if (!response.ok) throw new Error(said.refused);
  return said;
}

async function once(act) {
  const place = document.getElementById("said");
  for (const button of buttons) button.disabled = true; // a double click is one decision
  place.textContent = "…";
  try {
    place.textContent = `Done: ${(await act()).state}. You may close this page.`;
  } catch (error) {
    place.textContent = `Not done: ${error.message} (load the page again to try once more)`;
  }
}

async function decide(decision, key) {
  const reason = document.getElementById("reason").value;
  if (key === "file") return post("/decide", { decision, reason });
  const options = PublicKeyCredential.parseRequestOptionsFromJSON(await post("/challenge", { decision }));
  const credential = await navigator.credentials.get({ publicKey: options });
  return post("/decide", { decision, reason, credential: credential.toJSON() });
}

async function register() {
  const options = PublicKeyCredential.parseCreationOptionsFromJSON(await post("/challenge", {}));
  const credential = await navigator.credentials.create({ publicKey: options });
  return post("/register", { credential: credential.toJSON() });
}

for (const button of buttons) {
  const { decision, key } = button.dataset;
  button.addEventListener("click", () => once(() => (button.id === "register" ? register() : decide(decision, key))));
}
