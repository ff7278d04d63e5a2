/** Tests with real pods, on a machine of their own: `npm run test:pods`. */
export default {
	files: ['test/pods/**/*.test.ts'],
	extensions: ['ts'],
	timeout: '300s',
	// Each file has the machine for itself.
	concurrency: 1,
	workerThreads: false,
};
