/** What times are taken by: the clock on the wall, or the processor time of this process. Measures nothing itself. */
import process from "node:process";

/** Processor time counts all threads of a process together, so it is for one thread; others that use the machine change it little. */
export type ClockName = "wall" | "cpu";

/** Seconds since some moment. */
export function secondsBy(clock: ClockName): number {
  if (clock === "wall") return performance.now() / 1000;
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
