const reference =
	/^(?<path>(?:[^/\s]+\/)*)(?<name>[^/:@\s]+)(?<tag>:[^/:@\s]+)?(?<digest>@[^/@\s]+)?$/;
const parentImage = /\$upstream:[1-9]\d*\//i;
const parentAddress = /\$upstream(?=:[1-9]\d*(?:\/|$))/i;
const digestForm = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-f]{32,128}$/;
/** Where Docker finds images that name no registry. */
export const dockerHub = 'https://index.docker.io/v1/';

/**
 * An image as a runtime takes it: trimmed, `:latest` where it has neither tag nor digest.
 *
 * @returns undefined where the text is no image: blank, two tags.
 */
export function normaliseImage(text: string): string | undefined {
	const image = text.trim();
	const groups = reference.exec(image)?.groups;
	if (groups === undefined) return undefined;
	const pinned = groups['tag'] !== undefined || groups['digest'] !== undefined;
	return pinned ? image : `${image}:latest`;
}

/**
 * An image that can only be the one with a digest: `filter:1.0@sha256:…`.
 *
 * @returns undefined where the text is no image or no digest, or the image has another digest.
 */
export function pinnedImage(text: string, digest: string): string | undefined {
	const image = text.trim();
	const groups = reference.exec(image)?.groups;
	if (groups === undefined || !digestForm.test(digest)) return undefined;
	const own = groups['digest']?.slice(1);
	if (own === undefined) return `${image}@${digest}`;
	return own === digest ? image : undefined;
}

/** Whether an image comes through the parent of a nested device: `$upstream:443/filter:1.0`. */
export function isParentImage(image: string): boolean {
	return parentImage.test(image);
}

/** An image, or the address of a registry, with the parent's host name in place of `$upstream`. */
export function resolveParent(text: string, parentHostName: string): string {
	return text.replace(parentAddress, () => parentHostName);
}

/**
 * The registry whose credentials an image needs: its first segment where that is a host (a dot, a
 * port or `localhost`), else Docker Hub.
 */
export function registryOf(image: string): string {
	const [first = '', ...rest] = image.split('/');
	const isHost = /[.:]/.test(first) || first === 'localhost';
	return rest.length > 0 && isHost ? first : dockerHub;
}

/** A registry address without scheme, path and case, Docker Hub under one name. */
export function registryHost(address: string): string {
	const host = address
		.trim()
		.toLowerCase()
		.replace(/^https?:\/\//, '')
		.replace(/\/.*$/, '');
	return /^(index\.|registry-1\.)?docker\.io$/.test(host) ? 'docker.io' : host;
}

/** Whether a container runtime will accept the image: lower-case path, no placeholder left in it. */
export function isPullable(image: string): boolean {
	const [path = ''] = image.split('@');
	return /^(?:[A-Za-z0-9.-]+(?::\d+)?\/)?[a-z0-9._/-]+(?::[\w][\w.-]{0,127})?$/.test(path);
}
