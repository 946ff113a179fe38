import type { DeviceToleration } from '../apiserver/resources/resource-claim-schema.ts';
import type { DeviceTaint, SliceDevice } from '../apiserver/resources/resource-slice-schema.ts';

/** The first taint that keeps a device from being given to a request; undefined when it may be given (KEP-5055). */
export function untolerated(
  device: SliceDevice,
  tolerations: readonly DeviceToleration[],
): DeviceTaint | undefined {
  return device.taints?.find(
    (taint) =>
      (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') &&
      !tolerations.some((toleration) => tolerates(toleration, taint)),
  );
}

/** Whether a toleration covers a taint: an empty effect or key covers all (resourceclaim/devicetoleration.go). */
export function tolerates(toleration: DeviceToleration, taint: DeviceTaint): boolean {
  const { key = '', operator = 'Equal', value = '', effect = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  return operator === 'Exists' || (operator === 'Equal' && value === (taint.value ?? ''));
}
