/** Tests against a real API server: `npm run test:kubernetes`. */
export default {
	files: ['test/kubernetes/**/*.test.ts'],
	extensions: ['ts'],
	timeout: '120s',
	concurrency: 2,
	workerThreads: false,
};
