// A form made from the API's own description, so that every setting appears.

import { ask } from "./api.js";

const WORDS = { default_server: "server" };
const words = (key) => (WORDS[key] ?? key).replaceAll("_", " ");

export async function buildSettings(form, message) {
  const [description, config] = await Promise.all([ask("openapi.json"), ask("config")]);
  const sections = description.components.schemas.Config.properties;
  form.replaceChildren();
  for (const section of ["stacking", "camera", "alpaca"]) {
    const set = document.createElement("fieldset");
    const legend = document.createElement("legend");
    legend.textContent = section === "alpaca" ? "camera's server" : section;
    set.append(legend);
    addFields(set, sections[section].properties, config[section], section);
    if (set.querySelector("input, select")) form.append(set);
  }
  const save = document.createElement("button");
  save.textContent = "Save settings";
  form.append(save);
  form.onsubmit = async (event) => {
    event.preventDefault();
    try {
      await ask("config", { method: "PUT", body: valuesOf(form) });
      message.textContent = "Saved; they apply from the next start.";
    } catch (error) {
      message.textContent = error.message;
    }
  };
}

function addFields(set, properties, values, path) {
  for (const [key, schema] of Object.entries(properties)) {
    const name = `${path}.${key}`;
    if (schema.properties) addFields(set, schema.properties, values[key], name);
    else if (schema.type !== "null") set.append(field(name, key, schema, values[key]));
  }
}

function field(name, key, schema, value) {
  const label = document.createElement("label");
  const types = [schema.type ?? "string"].flat();
  const number = types.includes("number") || types.includes("integer");
  const input = document.createElement(schema.enum ? "select" : "input");
  if (schema.enum) {
    for (const choice of schema.enum) input.add(new Option(choice ?? "none", choice ?? ""));
  } else if (number && !types.includes("string")) {
    input.type = "number";
    input.step = types.includes("number") ? "any" : "1";
    if (schema.minimum !== undefined) input.min = schema.minimum;
    input.placeholder = types.includes("null") ? "as it is" : "";
    input.required = !types.includes("null");
  } else if (types.includes("boolean")) {
    input.type = "checkbox";
    input.checked = value;
  }
  input.name = name;
  input.dataset.number = number;
  input.dataset.text = types.includes("string");
  if (input.type !== "checkbox") input.value = value ?? "";
  label.append(words(key), input);
  return label;
}

function valuesOf(form) {
  const values = {};
  for (const input of form.querySelectorAll("[name]")) {
    const path = input.name.split(".");
    const key = path.pop();
    let place = values;
    for (const part of path) place = place[part] ??= {};
    place[key] = valueOf(input);
  }
  return values;
}

function valueOf(input) {
  if (input.type === "checkbox") return input.checked;
  if (input.value === "") return null;
  const number = Number(input.value);
  return input.dataset.number === "true" && !Number.isNaN(number) ? number : input.value;
}

export async function searchCameras(list, form) {
  list.textContent = "Searching…";
  try {
    const { cameras } = await ask("cameras");
    list.textContent = cameras.length ? "" : "No camera answered.";
    for (const camera of cameras) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `Use ${camera.name} at ${camera.address}`;
      button.onclick = () => {
        form.elements["alpaca.default_server.address"].value = camera.address;
        form.elements["camera.number"].value = camera.number;
        form.requestSubmit();
      };
      const item = document.createElement("li");
      item.append(button);
      list.append(item);
    }
  } catch (error) {
    list.textContent = error.message;
  }
}
