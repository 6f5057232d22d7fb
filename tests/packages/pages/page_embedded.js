/** The page with the core inside, for bundlers that copy no files. */
import "@aha/runtime/embedded";
import "./page.js";
