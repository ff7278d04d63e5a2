import type { Identity } from '../../protocol/identity.ts';
import { compileSourcePattern } from './source-pattern.ts';

/** Source of a change of a client's reported properties. */
export const twinChangeSource = '/twinChangeNotifications';

/**
 * The source of telemetry, for the FROM of routes: `/messages` of a leaf device,
 * `/messages/modules/{moduleId}`, or `/messages/modules/{moduleId}/outputs/{output}`
 * (Azure IoT Edge documentation, "Declare routes").
 */
export function telemetrySource(sender: Identity, output?: string): string {
	if (sender.moduleId === undefined) return '/messages';
	const source = `/messages/modules/${sender.moduleId}`;
	return output === undefined || output === '' ? source : `${source}/outputs/${output}`;
}

/** Whether a route with this FROM can get changes of twins only. */
export function readsTwinChanges(source: string): boolean {
	const everything = source.replace(/[*/]+$/, '') === '';
	return !everything && compileSourcePattern(source)(twinChangeSource);
}
