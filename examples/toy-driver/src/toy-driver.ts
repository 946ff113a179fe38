import { DeviceHolds } from '@patchbay/dra';
import type { AllocatedDevice, CdiSpecStore, DraDriver, DraPluginOptions } from '@patchbay/dra';

const colours: readonly unknown[] = ['red', 'green', 'blue'];

/**
 * Gives toys to containers: whoever claims the toy `car` finds its colour in `$TOY_CAR`. A prepared claim consists of its CDI specification
 * and nothing else, so those files are the journal too, and what a reboot takes away is prepared anew.
 */
export function toyDriver(
  specs: CdiSpecStore,
  pool: string,
): Pick<DraPluginOptions, 'driver' | 'holds' | 'inTurn'> {
  const driver: DraDriver = {
    // Called again after every failure and restart: the same claim must give the same answer.
    async prepareClaim({ uid, devices }) {
      const edits = devices.map((toy) => ({
        name: toy.device,
        containerEdits: { env: [`TOY_${toy.device.toUpperCase().replaceAll('-', '_')}=${colourOf(toy)}`] },
      }));
      const ids = await specs.write(uid, edits);
      return devices.map(({ request, device }, index) => ({
        requestNames: [request],
        poolName: pool,
        deviceName: device,
        cdiDeviceIds: ids.slice(index, index + 1),
      }));
    },
    // Succeeds for claims that are not prepared, too.
    unprepareClaim: ({ uid }) => specs.remove(uid),
  };

  const holds = new DeviceHolds();
  const restoreHolds = async () => {
    holds.clear();
    for (const claimUID of await specs.list()) {
      const toys = (await specs.read(claimUID)) ?? [];
      const devices = toys.map(({ name }) => ({ pool, device: name, adminAccess: false }));
      holds.hold(
        claimUID,
        devices.filter((device) => holds.holders(device).length === 0),
      );
    }
  };

  // One claim at a time, each with what the journal says by then: earlier processes have written it, and during a rolling update the other
  // instance does. The kubelet calls the newer one only, so toys need no more; where two claims would ruin a device, take a lock as well.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(restoreHolds).then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
  return { driver, holds, inTurn };
}

/** What the user asked for; the last configuration counts. The message of an error becomes an event on the pod. */
function colourOf({ request, adminAccess, configs }: AllocatedDevice): string {
  if (adminAccess) throw new Error(`Request ${request}: toys need no administrator; leave out adminAccess`);
  const parameters = configs.at(-1)?.parameters as { readonly colour?: unknown } | undefined;
  const colour = parameters?.colour ?? 'red';
  if (colours.includes(colour)) return String(colour);
  throw new Error(
    `Request ${request}: colour is ${JSON.stringify(colour)}, but toys are ${colours.join(', ')}`,
  );
}
