/** A parsed image reference. */
export interface ImageReference {
	/** Absent where the reference names no registry. */
	readonly registry?: string;
	/** The path within the registry: `azureiotedge-simulated-temperature-sensor`. */
	readonly repository: string;
	/** The last part of the repository. */
	readonly name: string;
	readonly tag: string;
}

/**
 * Parses `[registry/]repository[:tag][@digest]`. A first part counts as a registry as Docker has it
 * (it holds a dot or a port, or is `localhost`), or when it is a template such as `${REGISTRY}`.
 */
export function parseImageReference(image: string): ImageReference {
	const [withoutDigest = ''] = image.split('@');
	const parts = withoutDigest.split('/');
	const [first = ''] = parts;
	const hasRegistry =
		parts.length > 1 && (/[.:]/.test(first) || first === 'localhost' || first.includes('$'));
	const registry = hasRegistry ? parts.shift() : undefined;
	const path = parts.join('/');
	const colon = path.lastIndexOf(':');
	const tagged = colon > path.lastIndexOf('/');
	const repository = tagged ? path.slice(0, colon) : path;
	return {
		...(registry === undefined ? {} : { registry }),
		repository,
		name: repository.slice(repository.lastIndexOf('/') + 1),
		tag: tagged ? path.slice(colon + 1) : 'latest',
	};
}
