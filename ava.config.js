export default {
	files: ['test/**/*.test.ts', '!test/kubernetes/**', '!test/pods/**'],
	extensions: ['ts'],
	timeout: '120s',
	concurrency: 2,
	// A process for each file: what one does to Node.js, an overflown stack or a closed database, must
	// not end the others.
	workerThreads: false,
};
