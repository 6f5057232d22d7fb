/** Tests of message_file.ts: what is written is read back, other people's forms too, and broken files say where. */
import { assertEquals, assertRejects } from "@std/assert";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { capturedIo } from "../../../../tests/support/captured_io.ts";
import { withFolder } from "../../../../tests/support/edited_model.ts";
import { filePath, loadMessages, saveMessages } from "./message_file.ts";

const { io } = capturedIo();
const MESSAGES = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "Hi\n\u2028<|im_end|> 😀" },
  { role: "assistant", content: "Hello", reasoning_content: "hm" },
];

Deno.test("saveMessages, loadMessages: the same messages, as JSON and as JSON Lines", async () => {
  await withFolder(async (folder) => {
    for (const name of ["chat.json", "chat.jsonl", "chat"]) {
      const path = join(folder, name);
      await saveMessages(path, MESSAGES, false);
      assertEquals(await loadMessages(path, io), MESSAGES);
    }
    assertEquals(readFileSync(join(folder, "chat.jsonl"), "utf8").trimEnd().split("\n").length, 3);
    assertEquals(JSON.parse(readFileSync(join(folder, "chat"), "utf8")), MESSAGES);
    assertEquals(readdirSync(folder).length, 3);
  });
});

Deno.test("saveMessages: a file that exists stays, unless it is to be replaced", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "chat.json");
    writeFileSync(path, "mine");
    const save = () => saveMessages(path, MESSAGES, false);
    await assertRejects(save, Error, "it exists already (--force replaces it)");
    assertEquals(readFileSync(path, "utf8"), "mine");
    await saveMessages(path, MESSAGES, true);
    assertEquals((await loadMessages(path, io)).length, 3);
    assertEquals(readdirSync(folder), ["chat.json"]);
    const nowhere = () => saveMessages(join(folder, "no", "chat.json"), MESSAGES, false);
    await assertRejects(nowhere, Error, "its folder does not exist");
  });
});

Deno.test("loadMessages: an object with messages, a single message, a byte order mark", async () => {
  await withFolder(async (folder) => {
    const load = (text: string) => {
      const path = join(folder, "chat.json");
      writeFileSync(path, text);
      return loadMessages(path, io);
    };
    assertEquals(await load(JSON.stringify({ model: "m", messages: MESSAGES })), MESSAGES);
    assertEquals(await load(`\ufeff${JSON.stringify(MESSAGES[1])}\n`), [MESSAGES[1]]);
    const broken: [string, string][] = [
      ["", "it holds no messages"],
      ["[]", "it holds no messages"],
      ["hello", "line 1 is not JSON"],
      [`${JSON.stringify(MESSAGES[1])}\n\n{`, "line 3 is not JSON"],
      ["[1]", "message 1 of"],
      ["[null]", "its role is missing"],
      ['[{"role":"user","content":"a"},{"role":"boss","content":"b"}]', 'its role is "boss"'],
      ['[{"role":"user","content":["a"]}]', "its content is no text"],
    ];
    for (const [text, message] of broken) {
      await assertRejects(() => load(text), SyntaxError, message);
    }
    const missing = () => loadMessages(join(folder, "none"), io);
    await assertRejects(missing, Error, "there is no such file");
  });
});

Deno.test("filePath: the home folder by its sign", () => {
  assertEquals(filePath("~/a b.json"), join(homedir(), "a b.json"));
  assertEquals(filePath("a~/b"), "a~/b");
});

Deno.test("loadMessages: the terminal is no file, so `-` is a name and a device is refused", async () => {
  await assertRejects(() => loadMessages("-", io), Error, "there is no such file");
  await assertRejects(() => loadMessages("/dev/null", io), SyntaxError, "it is no file");
});
