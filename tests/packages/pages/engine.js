/** The engine in a Worker: answers each request that it is sent, in its turn. */
import { answer } from "./answer.js";

self.onmessage = async ({ data }) => {
  try {
    self.postMessage(await answer(data));
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
};
