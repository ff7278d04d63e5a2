import { writeSync } from 'node:fs';
import { FileMessageLog } from '../../src/storage/file-message-log.ts';

// Appends to the log in the folder that is the first argument until it is killed, and tells on
// standard output what was acknowledged (`+offset`) and released (`-offset`).
const [folder = ''] = process.argv.slice(2);
const log = new FileMessageLog({ folder, maxBytes: 1e9, segmentBytes: 20_000 });
await log.open(() => {});
const append = async (sender: number): Promise<never> => {
	for (let count = 0; ; count += 1) {
		const text = `${sender}:${count}:`.padEnd(10 + ((count * 37) % 500), 'x');
		const offset = await log.append(Buffer.from(text.slice(0, 8)), Buffer.from(text));
		writeSync(1, `+${offset} ${text}\n`);
		if (count % 3 === 0) continue;
		log.release(offset);
		writeSync(1, `-${offset}\n`);
	}
};
await Promise.all(Array.from({ length: 8 }, (_, sender) => append(sender)));
