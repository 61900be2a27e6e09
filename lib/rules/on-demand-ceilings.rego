package store.ceilings

# On-demand capacity without a ceiling costs whatever a bug or an attacker asks for.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode-max-throughput.html

import data.store.tables.tables
import data.store.tables.titles
import rego.v1

on_demand[name] := table if {
	some name, table in tables
	table.BillingMode == "PAY_PER_REQUEST"
}

# Writes have their ceiling once for all replicas, on the table and on each index; reads in each replica.
places contains {"table": name, "path": path, "what": sprintf("writes to %v", [titles[name]]), "ceiling": ceiling} if {
	some name, table in on_demand
	path := "Properties.WriteOnDemandThroughputSettings"
	ceiling := object.get(table, ["WriteOnDemandThroughputSettings", "MaxWriteRequestUnits"], "none")
}

places contains {"table": name, "path": path, "what": what, "ceiling": ceiling} if {
	some name, table in on_demand
	some i, index in table.GlobalSecondaryIndexes
	path := sprintf("Properties.GlobalSecondaryIndexes.%d.WriteOnDemandThroughputSettings", [i])
	what := sprintf("writes to index %v of %v", [index.IndexName, titles[name]])
	ceiling := object.get(index, ["WriteOnDemandThroughputSettings", "MaxWriteRequestUnits"], "none")
}

places contains {"table": name, "path": path, "what": what, "ceiling": ceiling} if {
	some name, table in on_demand
	some i, replica in table.Replicas
	path := sprintf("Properties.Replicas.%d.ReadOnDemandThroughputSettings", [i])
	what := sprintf("reads of %v in %v", [titles[name], replica.Region])
	ceiling := object.get(replica, ["ReadOnDemandThroughputSettings", "MaxReadRequestUnits"], "none")
}

places contains {"table": name, "path": path, "what": what, "ceiling": ceiling} if {
	some name, table in on_demand
	some i, replica in table.Replicas
	some index in table.GlobalSecondaryIndexes
	path := sprintf("Properties.Replicas.%d.GlobalSecondaryIndexes", [i])
	what := sprintf("reads of index %v of %v in %v", [index.IndexName, titles[name], replica.Region])
	settings := {setting.IndexName: setting | some setting in object.get(replica, "GlobalSecondaryIndexes", [])}
	ceiling := object.get(settings, [index.IndexName, "ReadOnDemandThroughputSettings", "MaxReadRequestUnits"], "none")
}

# -1 is how a ceiling is taken away.
violation contains v if {
	some place in places
	not limits(place.ceiling)
	v := make_diag_at(
		"STORE-DDB-026", "ERROR", place.table, place.path,
		sprintf("The %s have no ceiling: on-demand capacity serves, and bills, whatever is asked. Set the maximum of request units per second (maxReadRequestUnits, maxWriteRequestUnits).", [place.what]),
	)
}

limits(ceiling) if {
	is_number(ceiling)
	ceiling > 0
}
