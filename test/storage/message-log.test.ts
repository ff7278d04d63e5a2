import { join } from 'node:path';
import { FileMessageLog } from '../../src/storage/file-message-log.ts';
import { MemoryMessageLog } from '../../src/storage/memory-message-log.ts';
import { messageLogContract } from '../contract/message-log.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

messageLogContract('memory', async () => new MemoryMessageLog(20_000));
messageLogContract('file', async (t) => {
	const folder = join(await temporaryFolder(t), 'log');
	return new FileMessageLog({ folder, maxBytes: 20_000 });
});
