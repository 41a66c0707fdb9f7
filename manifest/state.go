package manifest

// Engine says whose answers a comparison gives: dbt changed what state:modified means between its versions.
type Engine struct {
	Profile                     string // core-1.9 or core-1.12
	CompareMoreUnrenderedValues bool   // the flag state_modified_compare_more_unrendered_values of the project
}

// Core19 is dbt-core 1.9 to 1.11, where the flag is off unless a project sets it.
func Core19() Engine { return Engine{Profile: "core-1.9"} }

// Core112 is dbt-core 1.12 and later, where the flag is on.
func Core112() Engine { return Engine{Profile: "core-1.12", CompareMoreUnrenderedValues: true} }
