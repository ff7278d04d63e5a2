/** A member of `spec.volumes` of a pod: a name and one source. */
export type PodVolume = {
	name: string;
	emptyDir?: { medium?: string; sizeLimit?: string };
	hostPath?: { path: string; type?: string };
	persistentVolumeClaim?: { claimName: string; readOnly?: boolean };
	configMap?: ObjectFiles & { name: string };
	secret?: ObjectFiles & { secretName: string };
	downwardAPI?: { items?: DownwardFile[]; defaultMode?: number };
	projected?: { sources?: ProjectedSource[]; defaultMode?: number };
};

/** Which keys of a ConfigMap or a Secret become which files; without items, all of them. */
export type ObjectFiles = {
	items?: { key: string; path: string; mode?: number }[];
	optional?: boolean;
	defaultMode?: number;
};

export type DownwardFile = {
	path: string;
	fieldRef?: { fieldPath: string };
	resourceFieldRef?: { containerName?: string; resource: string; divisor?: string };
};

export type ProjectedSource = {
	configMap?: ObjectFiles & { name: string };
	secret?: ObjectFiles & { name: string };
	downwardAPI?: { items?: DownwardFile[] };
	serviceAccountToken?: { path: string; audience?: string; expirationSeconds?: number };
};
