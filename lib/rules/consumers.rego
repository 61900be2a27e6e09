package store.consumers

# How a stream is read: from a known place, with an end to its retries, and in the home region only.
# https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html

import rego.v1

# The mappings that read a stream; a queue has no place to start and no retries of its own.
mappings[name] := input.resources[name].properties if {
	some name in resources_of_type("AWS::Lambda::EventSourceMapping")
	not source_type(name) == "AWS::SQS::Queue"
}

# The type of the source, where it is in the same template.
source_type(name) := input.resources[input.resources[name].properties.EventSourceArn.__ref].resourceType

# The ARN as far as it is known: the validator joins what it can, and describes a reference to another stack.
source(mapping) := object.get(mapping.EventSourceArn, "__dynamic", "") if is_object(mapping.EventSourceArn)

source(mapping) := mapping.EventSourceArn if is_string(mapping.EventSourceArn)

violation contains v if {
	some name, mapping in mappings
	not mapping.StartingPosition
	v := make_diag_at(
		"STORE-DDB-031", "ERROR", name,
		"Properties.StartingPosition",
		sprintf("%s has no StartingPosition, so Lambda would refuse it. Set TRIM_HORIZON, so that what was written before the deployment is read too.", [name]),
	)
}

violation contains v if {
	some name, mapping in mappings
	not finite(object.get(mapping, "MaximumRetryAttempts", -1))
	v := make_diag_at(
		"STORE-DDB-032", "ERROR", name,
		"Properties.MaximumRetryAttempts",
		sprintf("%s retries without end: one record that always fails would hold up its shard until it expires. Set MaximumRetryAttempts from 0 to 10000 (settings in lib/triggers.ts).", [name]),
	)
}

finite(attempts) if {
	is_number(attempts)
	attempts >= 0
}

violation contains v if {
	some name, mapping in mappings
	not mapping.DestinationConfig.OnFailure.Destination
	v := make_diag_at(
		"STORE-DDB-033", "ERROR", name,
		"Properties.DestinationConfig",
		sprintf("%s has no on-failure destination: what is given up would be lost unseen. Set DestinationConfig.OnFailure.Destination to a queue, as lib/constructs/stream-trigger.ts does.", [name]),
	)
}

violation contains v if {
	some name, mapping in mappings
	contains(source(mapping), "*")
	v := make_diag_at(
		"STORE-DDB-034", "ERROR", name,
		"Properties.EventSourceArn",
		sprintf("%s reads %s: an event source is one stream, and its ARN has no wildcard. Take the StreamArn of the table itself; TableV2.replica() only knows stream/*, since CloudFormation does not tell the streams of other replicas.", [name, source(mapping)]),
	)
}

# A stream's ARN ends in a label that only its own table knows, and CloudFormation tells that of the home region's replica
# only. So the ARN is a reference, and one that stays in the region of the stack.
violation contains v if {
	some name, mapping in mappings
	elsewhere(source(mapping))
	v := make_diag_at(
		"STORE-DDB-035", "ERROR", name,
		"Properties.EventSourceArn",
		sprintf("%s, in %s, reads %s: a stream of another region. The stream of every replica carries every change, so a second consumer would do everything twice. Leave the stack of the consumers in the home region, the first of the config's regions.", [name, input_region(), source(mapping)]),
	)
}

elsewhere(source) if {
	some output in regex.find_all_string_submatch_n(`^cross-stack output: .*\bRegion="([^"]*)"`, source, 1)
	output[1] != input_region()
}

elsewhere(source) if {
	some arn in regex.find_all_string_submatch_n(`arn:[^:]*:(?:dynamodb|kinesis):([^:]*):`, source, 1)
	arn[1] != input_region()
}

violation contains v if {
	some name, mapping in mappings
	regex.match(`:dynamodb:.*/stream/[^*]`, source(mapping))
	v := make_diag_at(
		"STORE-DDB-036", "ERROR", name,
		"Properties.EventSourceArn",
		sprintf("%s reads %s, which is written out: a table that is made anew has a stream of another name. Refer to the StreamArn of the table (streamArn in lib/stacks/data.ts).", [name, source(mapping)]),
	)
}
