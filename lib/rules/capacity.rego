package store.capacity

# Provisioned capacity follows the load, or it throttles: every place where it can be set must scale.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html

import data.store.tables.tables
import data.store.tables.titles
import rego.v1

# BillingMode of a global table is PROVISIONED where nothing is said.
provisioned[name] := table if {
	some name, table in tables
	object.get(table, "BillingMode", "PROVISIONED") == "PROVISIONED"
}

# Write capacity is set once for all replicas, on the table and on each index; read capacity in each replica.
places contains {"table": name, "path": path, "what": sprintf("write capacity of %v", [titles[name]]), "scaling": scaling} if {
	some name, table in provisioned
	path := "Properties.WriteProvisionedThroughputSettings"
	scaling := object.get(table, ["WriteProvisionedThroughputSettings", "WriteCapacityAutoScalingSettings"], {})
}

places contains {"table": name, "path": path, "what": what, "scaling": scaling} if {
	some name, table in provisioned
	some i, index in table.GlobalSecondaryIndexes
	path := sprintf("Properties.GlobalSecondaryIndexes.%d.WriteProvisionedThroughputSettings", [i])
	what := sprintf("write capacity of index %v of %v", [index.IndexName, titles[name]])
	scaling := object.get(index, ["WriteProvisionedThroughputSettings", "WriteCapacityAutoScalingSettings"], {})
}

places contains {"table": name, "path": path, "what": what, "scaling": scaling} if {
	some name, table in provisioned
	some i, replica in table.Replicas
	path := sprintf("Properties.Replicas.%d.ReadProvisionedThroughputSettings", [i])
	what := sprintf("read capacity of %v in %v", [titles[name], replica.Region])
	scaling := object.get(replica, ["ReadProvisionedThroughputSettings", "ReadCapacityAutoScalingSettings"], {})
}

places contains {"table": name, "path": path, "what": what, "scaling": scaling} if {
	some name, table in provisioned
	some i, replica in table.Replicas
	some index in table.GlobalSecondaryIndexes
	path := sprintf("Properties.Replicas.%d.GlobalSecondaryIndexes", [i])
	what := sprintf("read capacity of index %v of %v in %v", [index.IndexName, titles[name], replica.Region])
	settings := {setting.IndexName: setting | some setting in object.get(replica, "GlobalSecondaryIndexes", [])}
	scaling := object.get(settings, [index.IndexName, "ReadProvisionedThroughputSettings", "ReadCapacityAutoScalingSettings"], {})
}

scales(scaling) if {
	is_number(scaling.MinCapacity)
	is_number(scaling.MaxCapacity)
	scaling.MinCapacity <= scaling.MaxCapacity
	target := scaling.TargetTrackingScalingPolicyConfiguration.TargetValue
	target >= 20
	target <= 90
}

violation contains v if {
	some place in places
	not scales(place.scaling)
	v := make_diag_at(
		"STORE-DDB-021", "ERROR", place.table, place.path,
		sprintf("The %s does not scale: it would throttle at its peak, or cost its peak at all times. Give it auto-scaling with MinCapacity, a MaxCapacity that is not below it, and a target-tracking policy of 20 to 90 percent (Capacity.autoscaled).", [place.what]),
	)
}

# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-globaltable-capacityautoscalingsettings.html
violation contains v if {
	some place in places
	scales(place.scaling)
	not is_number(place.scaling.SeedCapacity)
	v := make_diag_at(
		"STORE-DDB-022", "ERROR", place.table, place.path,
		sprintf("The %s has no SeedCapacity, so the change from on-demand to provisioned capacity would be refused. Set it (seedCapacity of Capacity.autoscaled) to what the table needs on its first day.", [place.what]),
	)
}

# Application Auto Scaling does nothing for a target that no policy names.
# https://docs.aws.amazon.com/autoscaling/application/userguide/what-is-application-auto-scaling.html
violation contains v if {
	some name in resources_of_type("AWS::ApplicationAutoScaling::ScalableTarget")
	followed := {input.resources[policy].properties.ScalingTargetId.__ref |
		some policy in resources_of_type("AWS::ApplicationAutoScaling::ScalingPolicy")
	}
	not name in followed
	v := make_diag_at(
		"STORE-DDB-023", "ERROR", name, "Properties",
		sprintf("The scalable target %s has no scaling policy, so its capacity would never change. Add a target-tracking policy that refers to it (scaleOnUtilization).", [name]),
	)
}
