/** What makes, scales and protects pods. Notation: `schema-table.ts`. */
export const workloadSchemas = `
Deployment
	metadata:ObjectMeta spec:DeploymentSpec status:DeploymentStatus
ReplicaSet
	metadata:ObjectMeta spec:ReplicaSetSpec status:ReplicaSetStatus
Job
	metadata:ObjectMeta spec:JobSpec status:JobStatus
HorizontalPodAutoscaler
	metadata:ObjectMeta spec!:HorizontalPodAutoscalerSpec status:HorizontalPodAutoscalerStatus
PodDisruptionBudget
	metadata:ObjectMeta spec:PodDisruptionBudgetSpec status:PodDisruptionBudgetStatus
Eviction
	deleteOptions:DeleteOptions metadata:ObjectMeta
Scale
	metadata:ObjectMeta spec:ScaleSpec status:ScaleStatus
PriorityClass
	description:string globalDefault:bool metadata:ObjectMeta
	preemptionPolicy:PreemptLowerPriority|Never=PreemptLowerPriority value:int
DeploymentSpec
	minReadySeconds:int paused:bool progressDeadlineSeconds:int=600 replicas:int=1
	revisionHistoryLimit:int=10 selector!:LabelSelector strategy:DeploymentStrategy%={}
	template!:PodTemplateSpec
DeploymentStatus
	availableReplicas:int collisionCount:int conditions:[DeploymentCondition]{type}
	observedGeneration:int readyReplicas:int replicas:int terminatingReplicas:int
	unavailableReplicas:int updatedReplicas:int
ReplicaSetSpec
	minReadySeconds:int replicas:int=1 selector!:LabelSelector template:PodTemplateSpec
ReplicaSetStatus
	availableReplicas:int conditions:[ReplicaSetCondition]{type} fullyLabeledReplicas:int
	observedGeneration:int readyReplicas:int replicas:int terminatingReplicas:int
JobSpec
	activeDeadlineSeconds:int backoffLimit:int=6 backoffLimitPerIndex:int
	completionMode:NonIndexed|Indexed=NonIndexed completions:int managedBy:string
	manualSelector:bool maxFailedIndexes:int parallelism:int podFailurePolicy:PodFailurePolicy
	podReplacementPolicy:TerminatingOrFailed|Failed selector:LabelSelector
	successPolicy:SuccessPolicy suspend:bool=false template!:PodTemplateSpec
	ttlSecondsAfterFinished:int
JobStatus
	active:int completedIndexes:string completionTime:time conditions:[JobCondition]~type
	failed:int failedIndexes:string ready:int startTime:time succeeded:int terminating:int
	uncountedTerminatedPods:UncountedTerminatedPods
HorizontalPodAutoscalerSpec
	behavior:HorizontalPodAutoscalerBehavior maxReplicas!:int metrics:[MetricSpec]
	minReplicas:int=1 scaleTargetRef!:CrossVersionObjectReference
HorizontalPodAutoscalerStatus
	conditions:[HorizontalPodAutoscalerCondition]{type} currentMetrics:[MetricStatus]
	currentReplicas:int desiredReplicas:int lastScaleTime:time observedGeneration:int
PodDisruptionBudgetSpec
	maxUnavailable:intOrString minAvailable:intOrString selector:LabelSelector
	unhealthyPodEvictionPolicy:string
PodDisruptionBudgetStatus
	conditions:[Condition]{type} currentHealthy:int desiredHealthy:int disruptedPods:<time>
	disruptionsAllowed:int expectedPods:int observedGeneration:int
ScaleSpec
	replicas:int
ScaleStatus
	replicas:int selector:string
DeploymentStrategy
	rollingUpdate:RollingUpdateDeployment type:Recreate|RollingUpdate=RollingUpdate
DeploymentCondition
	lastTransitionTime:time lastUpdateTime:time message:string reason:string status!:string
	type!:string
ReplicaSetCondition
	lastTransitionTime:time message:string reason:string status!:string type!:string
PodFailurePolicy
	rules!:[PodFailurePolicyRule]
SuccessPolicy
	rules!:[SuccessPolicyRule]
JobCondition
	lastProbeTime:time lastTransitionTime:time message:string reason:string status!:string
	type!:string
UncountedTerminatedPods
	failed:[string]{} succeeded:[string]{}
CrossVersionObjectReference
	apiVersion:string kind!:string name!:string
HorizontalPodAutoscalerBehavior
	scaleDown:HPAScalingRules scaleUp:HPAScalingRules
MetricSpec
	containerResource:ContainerResourceMetricSource external:ExternalMetricSource
	object:ObjectMetricSource pods:PodsMetricSource resource:ResourceMetricSource
	type!:ContainerResource|External|Object|Pods|Resource
HorizontalPodAutoscalerCondition
	lastTransitionTime:time message:string reason:string status!:string type!:string
MetricStatus
	containerResource:ContainerResourceMetricStatus external:ExternalMetricStatus
	object:ObjectMetricStatus pods:PodsMetricStatus resource:ResourceMetricStatus type:string
RollingUpdateDeployment
	maxSurge:intOrString maxUnavailable:intOrString
PodFailurePolicyRule
	action!:string onExitCodes:PodFailurePolicyOnExitCodesRequirement
	onPodConditions:[PodFailurePolicyOnPodConditionsPattern]
SuccessPolicyRule
	succeededCount:int succeededIndexes:string
HPAScalingRules
	policies:[HPAScalingPolicy] selectPolicy:string stabilizationWindowSeconds:int
	tolerance:quantity
ContainerResourceMetricSource
	container!:string name!:string target!:MetricTarget
ExternalMetricSource
	metric!:MetricIdentifier target!:MetricTarget
ObjectMetricSource
	describedObject!:CrossVersionObjectReference metric!:MetricIdentifier target!:MetricTarget
PodsMetricSource
	metric!:MetricIdentifier target!:MetricTarget
ResourceMetricSource
	name!:string target!:MetricTarget
ContainerResourceMetricStatus
	container:string current:MetricValueStatus name:string
ExternalMetricStatus
	current:MetricValueStatus metric:MetricIdentifier
ObjectMetricStatus
	current:MetricValueStatus describedObject:CrossVersionObjectReference metric:MetricIdentifier
PodsMetricStatus
	current:MetricValueStatus metric:MetricIdentifier
ResourceMetricStatus
	current:MetricValueStatus name:string
PodFailurePolicyOnExitCodesRequirement
	containerName:string operator!:string values!:[int]{}
PodFailurePolicyOnPodConditionsPattern
	status:string type!:string
HPAScalingPolicy
	periodSeconds!:int type!:string value:int
MetricTarget
	averageUtilization:int averageValue:quantity type!:Utilization|Value|AverageValue
	value:quantity
MetricIdentifier
	name!:string selector:LabelSelector
MetricValueStatus
	averageUtilization:int averageValue:quantity value:quantity
`;
