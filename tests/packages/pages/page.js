/** A page that does what its address asks for, on its own thread or in a Worker, and posts the outcome to its server. */
import { answer } from "./answer.js";

function answerInWorker(request) {
  const worker = new Worker(new URL("./engine.js", import.meta.url), { type: "module" });
  return new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => resolve({ error: `the engine's worker: ${event.message}` });
    worker.postMessage(request);
  });
}

async function outcome() {
  try {
    const request = JSON.parse(new URLSearchParams(location.search).get("request"));
    return await (request.worker ? answerInWorker(request) : answer(request));
  } catch (error) {
    return { error: String(error?.stack ?? error) };
  }
}

await fetch("/outcome", { method: "POST", body: JSON.stringify(await outcome()) });
