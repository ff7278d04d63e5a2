import { open } from 'node:fs/promises';
import { maxTextLength } from '../manifest/json-text.ts';
import type { Problem } from '../manifest/problem.ts';
import { EdgeError } from '../runtime/edge-error.ts';

/** A file's text, or why it is not even looked at. */
export type ManifestText =
	| { readonly text: string; readonly problem?: never }
	| { readonly text?: never; readonly problem: Problem };

/** UTF-8 takes three bytes for each UTF-16 unit at most. */
const maxBytes = 3 * maxTextLength;
const yamlLine = /^(?:---|%YAML|[A-Za-z_$][\w$.-]*\s*:(?:\s|$)|- )/;

/**
 * Reads a manifest, but no more of a file than a manifest can have: memory stays bounded whatever
 * the file is.
 *
 * @throws EdgeError EDGE_FILE_UNREADABLE
 */
export async function readManifestText(file: string): Promise<ManifestText> {
	let bytes: Buffer;
	try {
		bytes = await firstBytes(file, maxBytes + 1);
	} catch (cause) {
		const message = 'The manifest cannot be read.';
		throw new EdgeError('EDGE_FILE_UNREADABLE', message, { where: file, cause });
	}
	if (bytes.length <= maxBytes) return { text: bytes.toString('utf8') };
	const mebibytes = maxBytes / 1024 / 1024;
	return {
		problem: {
			severity: 'error',
			code: 'EDGE_MANIFEST_TOO_LARGE',
			path: '$',
			message: `The file has more than ${mebibytes} MiB.`,
			remedy: 'IoT Hub takes 128 KB of a manifest.',
		},
	};
}

/** Works for pipes too, whose size nobody knows. */
async function firstBytes(file: string, limit: number): Promise<Buffer> {
	const handle = await open(file);
	try {
		const chunks: Buffer[] = [];
		let length = 0;
		while (length < limit) {
			const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(65_536), 0, 65_536, null);
			if (bytesRead === 0) break;
			chunks.push(buffer.subarray(0, bytesRead));
			length += bytesRead;
		}
		return Buffer.concat(chunks);
	} finally {
		await handle.close();
	}
}

/**
 * What to say instead of a syntax error when the text is YAML, which people expect to work where
 * Kubernetes is near. It is told by its first line and never parsed.
 */
export function yamlProblem(text: string): Problem | undefined {
	const line = firstLine(text);
	if (!yamlLine.test(line)) return undefined;
	return {
		severity: 'error',
		code: 'EDGE_MANIFEST_SYNTAX',
		path: '$',
		message: 'This is YAML, not JSON.',
		remedy: 'Deployment manifests of Azure IoT Edge are JSON; convert it, e.g. with `yq -o json`.',
	};
}

/** The first line that is neither blank nor a YAML comment, as far as one is near the beginning. */
function firstLine(text: string): string {
	const lines = text
		.slice(0, 8192)
		.replace(/^\uFEFF/, '')
		.split('\n');
	return lines.find((line) => line.trim() !== '' && !line.startsWith('#')) ?? '';
}
