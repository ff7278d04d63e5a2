import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import type { BuiltImage } from './image-build.ts';

const run = promisify(execFile);
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** An image that goes into an archive. */
export interface ArchivedImage {
	/** With a tag. */
	readonly name: string;
	/** Folders, the lowest layer first. */
	readonly layers: readonly string[];
	readonly config: Partial<BuiltImage['config']>;
}

/** Writes an archive in the form of `docker save`, which every container runtime imports. */
export async function writeImageArchive(
	images: readonly ArchivedImage[],
	archive: string,
	workFolder: string,
): Promise<void> {
	await mkdir(workFolder, { recursive: true });
	const layers = new LayerStore(workFolder);
	const manifest: object[] = [];
	for (const [index, { name, layers: folders, config }] of images.entries()) {
		const stored: StoredLayer[] = [];
		for (const folder of folders) stored.push(await layers.store(folder));
		const configName = `${index}.json`;
		const image = {
			architecture: architectures[arch()] ?? arch(),
			os: 'linux',
			config,
			rootfs: { type: 'layers', diff_ids: stored.map(({ digest }) => digest) },
			history: stored.map(() => ({ created_by: 'tools/images' })),
		};
		await writeFile(join(workFolder, configName), JSON.stringify(image));
		manifest.push({
			Config: configName,
			RepoTags: [name],
			Layers: stored.map(({ file }) => file),
		});
	}
	await writeFile(join(workFolder, 'manifest.json'), JSON.stringify(manifest));
	await run('tar', ['--create', '--file', archive, '--directory', workFolder, '.']);
}

interface StoredLayer {
	readonly file: string;
	readonly digest: string;
}

/** Layers as archives; one that several images share is there once. */
class LayerStore {
	readonly #folder: string;
	readonly #stored = new Map<string, StoredLayer>();

	constructor(folder: string) {
		this.#folder = folder;
	}

	async store(layer: string): Promise<StoredLayer> {
		const known = this.#stored.get(layer);
		if (known !== undefined) return known;
		const file = `layer${this.#stored.size}.tar`;
		const path = join(this.#folder, file);
		// All files are of root, as an image build leaves them, whoever has built this one.
		const alike = ['--owner=0', '--group=0', '--numeric-owner', '--sort=name', '--mtime=@0'];
		await run('tar', ['--create', ...alike, '--file', path, '--directory', layer, '.']);
		const hash = createHash('sha256');
		await pipeline(createReadStream(path), hash);
		const stored = { file, digest: `sha256:${hash.digest('hex')}` };
		this.#stored.set(layer, stored);
		return stored;
	}
}
