/** Tests of slash_command.ts and nearest_name.ts: messages, commands and names that are nearly right. */
import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../command.ts";
import { nearestName } from "./nearest_name.ts";
import { findCommand, parseEntered } from "./slash_command.ts";
import { slashAliases, slashCommands } from "./slash_commands.ts";

Deno.test("parseEntered: one slash is a command, two are a message that begins with one", () => {
  assertEquals(parseEntered("hi /there"), { type: "message", text: "hi /there" });
  assertEquals(parseEntered("//etc/hosts?"), { type: "message", text: "/etc/hosts?" });
  const command = (name: string, argument: string) => ({
    type: "command" as const,
    name,
    argument,
  });
  assertEquals(parseEntered("/reset"), command("reset", ""));
  assertEquals(parseEntered("/Think  off "), command("think", "off"));
  assertEquals(parseEntered("/system two\nlines"), command("system", "two\nlines"));
  assertEquals(parseEntered("/"), command("", ""));
});

Deno.test("findCommand: all commands of the help text, others by their nearest name", () => {
  const all = [...slashCommands, ...slashAliases];
  for (const { name } of all) assertEquals(findCommand(name, all).name, name);
  const near = { rest: "reset", hlep: "help", th: "think", stat: "stats", syste: "system" };
  for (const [typed, name] of Object.entries(near)) {
    assertThrows(() => findCommand(typed, all), UsageError, `did you mean /${name}?`);
  }
  for (const typed of ["", "wat", "usr/bin"]) {
    assertThrows(() => findCommand(typed, all), UsageError, "/help lists the commands");
  }
});

Deno.test("nearestName: fewest changes win, too many are none", () => {
  const names = ["temperature", "top-p", "top-k", "seed"];
  assertEquals(nearestName("temprature", names), "temperature");
  assertEquals(nearestName("TOP-K", names), "top-k");
  assertEquals(nearestName("sede", names), "seed");
  assertEquals(nearestName("min-p", names), undefined);
  assertEquals(nearestName("", names), undefined);
});
