/** How much of the machine others use at a moment. Measures nothing of its own. */
import { cpus } from "node:os";

const SAMPLE_MS = 300;

/** Share of all cores that others use now; null where the system does not tell. */
export async function busyShare(): Promise<number | null> {
  const sum = () =>
    cpus().reduce((sums, { times: { user, nice, sys, irq, idle } }) => {
      const busy = user + nice + sys + irq;
      return { busy: sums.busy + busy, all: sums.all + busy + idle };
    }, { busy: 0, all: 0 });
  const before = sum();
  await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
  const after = sum();
  return after.all > before.all ? (after.busy - before.busy) / (after.all - before.all) : null;
}
