import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isJsonObject } from '../../runtime/json.ts';
import { parseImageReference } from './image-reference.ts';
import { type ModuleImage, readJson, readModuleFolder } from './module-folder.ts';

/** A program of this machine in the place of an image. */
export interface BuiltinImage {
	/** Its command line, to which a container's arguments are added. */
	readonly command: readonly string[];
	/** Variables of the image. */
	readonly environment?: Readonly<Record<string, string>>;
}

/** Where the local node finds what an image means. */
export interface ImageStoreSettings {
	/** Folders whose children, and the children of whose `modules` folder, are module folders. */
	readonly moduleRoots: readonly string[];
	/** By image, with or without its tag. */
	readonly builtinImages: ReadonlyMap<string, BuiltinImage>;
}

/** An image that was found. */
export interface FoundImage extends ModuleImage {
	/** For `imageID` of the container's status. */
	readonly id: string;
}

interface Candidate {
	readonly folder: string;
	/** Repositories that the folder says it is, best evidence first. */
	readonly names: readonly (string | undefined)[];
}

/** Images of the local cluster: folders with the modules' sources, and built-in programs. */
export class ImageStore {
	readonly #settings: ImageStoreSettings;

	constructor(settings: ImageStoreSettings) {
		this.#settings = settings;
	}

	/**
	 * Finds an image: a built-in one, or the folder whose `module.json` has it as its
	 * `image.repository`, whose `package.json` has its name, or that is called like it.
	 *
	 * @returns the image, or a message that says what was searched and what to do.
	 */
	async find(image: string): Promise<FoundImage | string> {
		const reference = parseImageReference(image);
		const bare = image.slice(0, image.lastIndexOf(reference.name) + reference.name.length);
		const { builtinImages } = this.#settings;
		const builtin = builtinImages.get(image) ?? builtinImages.get(bare);
		if (builtin !== undefined) return foundBuiltin(image, builtin);
		const candidates = await this.#candidates();
		for (const evidence of [0, 1, 2, 3]) {
			for (const { folder, names } of candidates) {
				const name = names[evidence];
				if (name !== reference.repository && name !== reference.name) continue;
				return { ...(await readModuleFolder(folder)), id: `file://${folder}` };
			}
		}
		return this.#notFound(image, reference.name);
	}

	async #candidates(): Promise<Candidate[]> {
		const folders: string[] = [];
		for (const root of this.#settings.moduleRoots) {
			folders.push(...(await childFolders(root)), ...(await childFolders(join(root, 'modules'))));
		}
		return Promise.all(folders.map(describeFolder));
	}

	#notFound(image: string, name: string): string {
		const { moduleRoots, builtinImages } = this.#settings;
		const searched = moduleRoots.map((root) => `${root}/*, ${root}/modules/*`).join(', ');
		const builtin = [...builtinImages.keys()].join(', ') || 'none';
		return (
			`image "${image}" is not on this machine, and the local cluster does not pull images. ` +
			`Searched: ${searched || 'no folder'} (built in: ${builtin}). ` +
			`Add a folder with the module's sources whose module.json has an image.repository that ends in "${name}", ` +
			`whose package.json has the name "${name}", or that is called "${name}"; it is found without a restart.`
		);
	}
}

async function childFolders(folder: string): Promise<string[]> {
	try {
		const entries = await readdir(folder, { withFileTypes: true });
		return entries
			.filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
			.filter((entry) => entry.name !== 'node_modules' && !entry.name.startsWith('.'))
			.map((entry) => join(folder, entry.name))
			.sort();
	} catch {
		return [];
	}
}

async function describeFolder(folder: string): Promise<Candidate> {
	const [module, manifest] = await Promise.all([
		readJson(join(folder, 'module.json')),
		readJson(join(folder, 'package.json')),
	]);
	const image = module?.['image'];
	const repository = isJsonObject(image) ? image['repository'] : undefined;
	const name = manifest?.['name'];
	const built = typeof repository === 'string' ? parseImageReference(repository) : undefined;
	return {
		folder,
		names: [
			built?.repository,
			built?.name,
			typeof name === 'string' ? name.replace(/^@[^/]*\//, '') : undefined,
			basename(folder),
		],
	};
}

function foundBuiltin(image: string, { command, environment = {} }: BuiltinImage): FoundImage {
	return {
		id: `builtin://${image}`,
		folder: process.cwd(),
		entrypoint: command,
		command: [],
		workingDirectory: '/',
		environment,
	};
}
