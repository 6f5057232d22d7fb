/** Finds the command that the arguments name, runs it and turns every failure into one line and an exit code. Does no work of a command. */
import config from "../deno.json" with { type: "json" };
import { parseArguments } from "./arguments.ts";
import { BrokenPipeError, type CommandIo, UsageError } from "./command.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { type RegisteredCommand, registeredCommands } from "./registry.ts";
import { errorLine } from "./terminal/error_line.ts";
import { interruptedCode } from "./terminal/interrupts.ts";

/** Exit code of a run that failed. */
const EXIT_FAILED = 1;
/** Exit code of a command line that is wrong. */
const EXIT_USAGE = 2;

/**
 * Runs `aha` with the words after its name and gives the exit code back: 0 done, 1 failed (one line
 * on stderr), 2 wrong usage (one line on stderr), 130 ended by Ctrl-C, 143 by SIGTERM. Never throws. `commands` is the table to look in.
 */
export async function main(
  args: readonly string[],
  io: CommandIo,
  commands: readonly RegisteredCommand[] = registeredCommands,
): Promise<number> {
  try {
    return await dispatch(args, io, commands);
  } catch (error) {
    if (error instanceof BrokenPipeError) return 0;
    io.error(`aha: ${errorLine(error)}\n`);
    if (io.signal.aborted && error === io.signal.reason) return interruptedCode(io.signal);
    return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
  }
}

async function dispatch(
  args: readonly string[],
  io: CommandIo,
  commands: readonly RegisteredCommand[],
): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined) throw new UsageError("no command given; aha --help lists the commands");
  if (name === "--version") {
    io.out(`${config.version}\n`);
    return 0;
  }
  if (name === "--help" || name === "-h" || (name === "help" && rest.length === 0)) {
    io.out(generalHelp(commands));
    return 0;
  }
  if (name === "help") return await dispatch([rest[0], "--help"], io, commands);
  const entry = commands.find((command) => command.name === name);
  if (!entry) {
    const kind = name.startsWith("-") ? `option ${name}` : `command ${JSON.stringify(name)}`;
    throw new UsageError(`unknown ${kind}; aha --help lists the commands`);
  }
  if (!entry.load) throw new UsageError(`${name} is not built yet`);
  const { command } = await entry.load();
  const parsed = parseArguments(command, rest);
  if (parsed === "help") {
    io.out(commandHelp(command, entry.summary));
    return 0;
  }
  return await command.run(parsed, io);
}
