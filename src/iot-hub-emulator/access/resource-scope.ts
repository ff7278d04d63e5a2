import { splitHostName } from '../../protocol/host-name.ts';

/**
 * Whether a token's resource covers a path of the hub: the host is the hub, and the resource's path
 * is a prefix of the wanted one by whole segments (IoT Hub documentation, "Security tokens").
 * Neither case nor a port counts.
 *
 * @param resource decoded, e.g. `localhost:41234/devices/edge1`
 * @param path decoded, e.g. `/devices/edge1/modules/filter`
 */
export function coversPath(resource: string, hostNames: readonly string[], path: string): boolean {
	const slash = resource.indexOf('/');
	const host = bareHost(slash < 0 ? resource : resource.slice(0, slash));
	if (!hostNames.some((name) => bareHost(name) === host)) return false;
	const scope = (slash < 0 ? '' : resource.slice(slash)).replace(/\/+$/, '').toLowerCase();
	const wanted = path.toLowerCase();
	return scope === '' || wanted === scope || wanted.startsWith(`${scope}/`);
}

function bareHost(hostName: string): string {
	return splitHostName(hostName).host.toLowerCase();
}
