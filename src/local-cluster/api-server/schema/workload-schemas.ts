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
	metadata:ObjectMeta deleteOptions:DeleteOptions
Scale
	metadata:ObjectMeta spec:ScaleSpec status:ScaleStatus
PriorityClass
	metadata:ObjectMeta value:int globalDefault:bool description:string
	preemptionPolicy:PreemptLowerPriority|Never=PreemptLowerPriority
DeploymentSpec
	replicas:int=1 selector!:LabelSelector template!:PodTemplateSpec
	strategy:DeploymentStrategy%={} minReadySeconds:int revisionHistoryLimit:int=10 paused:bool
	#9 progressDeadlineSeconds:int=600
DeploymentStatus
	observedGeneration:int replicas:int updatedReplicas:int availableReplicas:int
	unavailableReplicas:int conditions:[DeploymentCondition]{type} readyReplicas:int
	collisionCount:int terminatingReplicas:int
ReplicaSetSpec
	replicas:int=1 selector!:LabelSelector template:PodTemplateSpec minReadySeconds:int
ReplicaSetStatus
	replicas:int fullyLabeledReplicas:int observedGeneration:int readyReplicas:int
	availableReplicas:int conditions:[ReplicaSetCondition]{type} terminatingReplicas:int
JobSpec
	parallelism:int completions:int activeDeadlineSeconds:int selector:LabelSelector
	manualSelector:bool template!:PodTemplateSpec backoffLimit:int=6 ttlSecondsAfterFinished:int
	completionMode:NonIndexed|Indexed=NonIndexed suspend:bool=false
	podFailurePolicy:PodFailurePolicy backoffLimitPerIndex:int maxFailedIndexes:int
	podReplacementPolicy:TerminatingOrFailed|Failed managedBy:string successPolicy:SuccessPolicy
JobStatus
	conditions:[JobCondition]~type startTime:time completionTime:time active:int succeeded:int
	failed:int completedIndexes:string uncountedTerminatedPods:UncountedTerminatedPods ready:int
	failedIndexes:string terminating:int
HorizontalPodAutoscalerSpec
	scaleTargetRef!:CrossVersionObjectReference minReplicas:int=1 maxReplicas!:int
	metrics:[MetricSpec] behavior:HorizontalPodAutoscalerBehavior
HorizontalPodAutoscalerStatus
	observedGeneration:int lastScaleTime:time currentReplicas:int desiredReplicas:int
	currentMetrics:[MetricStatus] conditions:[HorizontalPodAutoscalerCondition]{type}
PodDisruptionBudgetSpec
	minAvailable:intOrString selector:LabelSelector maxUnavailable:intOrString
	unhealthyPodEvictionPolicy:string
PodDisruptionBudgetStatus
	observedGeneration:int disruptedPods:<time> disruptionsAllowed:int currentHealthy:int
	desiredHealthy:int expectedPods:int conditions:[Condition]{type}
ScaleSpec
	replicas:int
ScaleStatus
	replicas:int selector:string
DeploymentStrategy
	type:Recreate|RollingUpdate=RollingUpdate rollingUpdate:RollingUpdateDeployment
DeploymentCondition
	type!:string status!:string #4 reason:string message:string lastUpdateTime:time
	lastTransitionTime:time
ReplicaSetCondition
	type!:string status!:string lastTransitionTime:time reason:string message:string
PodFailurePolicy
	rules!:[PodFailurePolicyRule]
SuccessPolicy
	rules!:[SuccessPolicyRule]
JobCondition
	type!:string status!:string lastProbeTime:time lastTransitionTime:time reason:string
	message:string
UncountedTerminatedPods
	succeeded:[string]{} failed:[string]{}
CrossVersionObjectReference
	kind!:string name!:string apiVersion:string
HorizontalPodAutoscalerBehavior
	scaleUp:HPAScalingRules scaleDown:HPAScalingRules
MetricSpec
	type!:ContainerResource|External|Object|Pods|Resource object:ObjectMetricSource
	pods:PodsMetricSource resource:ResourceMetricSource external:ExternalMetricSource #7
	containerResource:ContainerResourceMetricSource
HorizontalPodAutoscalerCondition
	type!:string status!:string lastTransitionTime:time reason:string message:string
MetricStatus
	type:string object:ObjectMetricStatus pods:PodsMetricStatus resource:ResourceMetricStatus
	external:ExternalMetricStatus #7 containerResource:ContainerResourceMetricStatus
RollingUpdateDeployment
	maxUnavailable:intOrString maxSurge:intOrString
PodFailurePolicyRule
	action!:string onExitCodes:PodFailurePolicyOnExitCodesRequirement
	onPodConditions:[PodFailurePolicyOnPodConditionsPattern]
SuccessPolicyRule
	succeededIndexes:string succeededCount:int
HPAScalingRules
	selectPolicy:string policies:[HPAScalingPolicy] stabilizationWindowSeconds:int
	tolerance:quantity
ContainerResourceMetricSource
	name!:string target!:MetricTarget container!:string
ExternalMetricSource
	metric!:MetricIdentifier target!:MetricTarget
ObjectMetricSource
	describedObject!:CrossVersionObjectReference target!:MetricTarget metric!:MetricIdentifier
PodsMetricSource
	metric!:MetricIdentifier target!:MetricTarget
ResourceMetricSource
	name!:string target!:MetricTarget
ContainerResourceMetricStatus
	name:string current:MetricValueStatus container:string
ExternalMetricStatus
	metric:MetricIdentifier current:MetricValueStatus
ObjectMetricStatus
	metric:MetricIdentifier current:MetricValueStatus describedObject:CrossVersionObjectReference
PodsMetricStatus
	metric:MetricIdentifier current:MetricValueStatus
ResourceMetricStatus
	name:string current:MetricValueStatus
PodFailurePolicyOnExitCodesRequirement
	containerName:string operator!:string values!:[int]{}
PodFailurePolicyOnPodConditionsPattern
	type!:string status:string
HPAScalingPolicy
	type!:string value:int periodSeconds!:int
MetricTarget
	type!:Utilization|Value|AverageValue value:quantity averageValue:quantity
	averageUtilization:int
MetricIdentifier
	name!:string selector:LabelSelector
MetricValueStatus
	value:quantity averageValue:quantity averageUtilization:int
`;
